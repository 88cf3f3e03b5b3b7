import type { Mark } from "@evenkeel/contracts/route-table";

/** What a request carries of what was decided before; `rest` is passed on as it came. */
export interface Carried {
  readonly lane: string | null;
  readonly cell: string | null;
  readonly rest: readonly string[];
}

export const CARRIES_NOTHING: Carried = { lane: null, cell: null, rest: [] };

/** Lanes and cells of a table: those that are believed, by their text, and the text of each. */
export class Marks {
  readonly #byText: ReadonlyMap<string, Mark>;
  readonly #texts: ReadonlyMap<string, string>;

  constructor(marks: readonly Mark[]) {
    this.#byText = new Map(marks.map((mark) => [textOf(mark), mark]));
    this.#texts = new Map(marks.map((mark) => [`${mark.kind} ${mark.name}`, textOf(mark)]));
  }

  /** Believes marks with their seals, to the letter; what else claims to be one is taken away. */
  read(baggage: string): Carried {
    let lane: string | null = null;
    let cell: string | null = null;
    const rest: string[] = [];
    for (const member of baggage.split(",")) {
      const text = member.trim();
      const mark = this.#byText.get(text);
      if (mark?.kind === "lane") lane ??= mark.name;
      else if (mark?.kind === "cell") cell ??= mark.name;
      else if (text !== "" && !/^(?:lane|cell)\s*=/.test(text)) rest.push(text);
    }
    return { lane, cell, rest };
  }

  /** The header for the next hop; null = none. */
  write({ lane, cell, rest }: Carried): string | null {
    const marks = [
      lane === null ? undefined : this.#texts.get(`lane ${lane}`),
      cell === null ? undefined : this.#texts.get(`cell ${cell}`),
    ].filter((text) => text !== undefined);
    const members = [...rest, ...marks];
    return members.length === 0 ? null : members.join(",");
  }
}

const textOf = ({ kind, name, seal }: Mark): string => `${kind}=${name};seal=${seal}`;
