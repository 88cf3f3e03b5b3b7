import type { ModuleTags, SplitRule } from "@evenkeel/contracts/module";
import type { Choice } from "./pick.ts";

export type PublishedKind = SplitRule["on"]["kind"] | "job";

/** Something that one version of a module has published. */
export interface Published<Value = unknown> extends Choice {
  readonly kind: PublishedKind;
  readonly name: string;
  /** Of the module, or of the base. */
  readonly module: string;
  readonly version: string;
  readonly tags: ModuleTags;
  readonly value: Value;
  /** Of the publication: the higher, the newer. */
  readonly order: number;
}

const keyOf = (kind: PublishedKind, name: string): string => `${kind} ${name}`;

/** What is published now, and the rules that split it. Every alteration is one assignment: whoever asks sees all of it or nothing. */
export class Board {
  #published: readonly Published[] = [];
  #byKey: ReadonlyMap<string, readonly Published[]> = new Map();
  #rules: readonly SplitRule[] = [];
  #rulesByKey: ReadonlyMap<string, readonly SplitRule[]> = new Map();
  #paths: readonly string[] = [];
  readonly #listeners = new Set<() => void>();

  get rules(): readonly SplitRule[] {
    return this.#rules;
  }

  /** Prefixes of all published routes, the longest first. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  /** Who has published this, newest first. */
  candidates<Value>(kind: PublishedKind, name: string): readonly Published<Value>[] {
    return (this.#byKey.get(keyOf(kind, name)) ?? []) as readonly Published<Value>[];
  }

  all(kind: PublishedKind): readonly Published[] {
    return this.#published.filter((each) => each.kind === kind);
  }

  rulesOf(kind: PublishedKind, name: string): readonly SplitRule[] {
    return this.#rulesByKey.get(keyOf(kind, name)) ?? [];
  }

  /** Takes away what these modules (`name@version`) have published, and puts this in, at once. */
  exchange(leaving: ReadonlySet<string>, coming: readonly Published[]): void {
    const staying = this.#published.filter(({ module, version }) => !leaving.has(`${module}@${version}`));
    this.#published = [...staying, ...coming].sort((one, other) => other.order - one.order);
    this.#byKey = Map.groupBy(this.#published, ({ kind, name }) => keyOf(kind, name));
    const paths = this.#published.filter(({ kind }) => kind === "route").map(({ name }) => name);
    this.#paths = [...new Set(paths)].sort((one, other) => other.length - one.length);
    this.#tell();
  }

  split(rules: readonly SplitRule[]): void {
    this.#rules = rules;
    this.#rulesByKey = Map.groupBy(rules, ({ on }) => keyOf(on.kind, on.name));
    this.#tell();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
