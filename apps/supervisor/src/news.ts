import { relative } from "node:path";

/** How a part ended. */
export interface Death {
  readonly name: string;
  /** Null when nobody saw how: it was no child of ours. */
  readonly ended: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null;
  /** How often in a row it died young. */
  readonly failures: number;
  /** The pause before its next start. */
  readonly waitMs: number;
  readonly log: string;
}

/** Told of parts that die and come back. */
export interface News {
  died(death: Death): void;
  /** It has run for a while. */
  back(name: string): void;
}

/** Prints what a person wants to know of it: one line each, and of a part that dies again and again ever fewer. */
export function printedNews(say: (line: string) => void, now = () => new Date()): News {
  const stamp = (): string => now().toTimeString().slice(0, "00:00:00".length);
  const down = new Set<string>();
  return {
    died: (death) => {
      down.add(death.name);
      if (isWorthALine(death.failures)) for (const line of linesOf(death, stamp())) say(line);
    },
    back: (name) => {
      if (down.delete(name)) say(`${stamp()} ${name} is back`);
    },
  };
}

/** The first death, then each time that they have doubled. */
function isWorthALine(failures: number): boolean {
  return failures === 0 || Number.isInteger(Math.log2(failures));
}

function linesOf(death: Death, at: string): string[] {
  const { name, failures, waitMs, log } = death;
  const again = failures > 1 ? `, ${failures} times in a row` : "";
  const next = waitMs < 1000 ? "it is started again" : `next start in ${Math.round(waitMs / 1000)} s`;
  return [`${at} ${name} ended (${howOf(death)})${again}; ${next}`, `         see ${shortest(log)}`];
}

function howOf({ ended }: Death): string {
  if (ended === null) return "how is not known";
  return ended.signal ?? `exit code ${ended.code}`;
}

function shortest(path: string): string {
  const near = relative(process.cwd(), path);
  return near.length < path.length && !near.startsWith("..") ? near : path;
}
