// The base owns what a process is made of; modules bring its links; the business decides which of them take part.
import { PlatformError } from "@evenkeel/contracts/error";
import type { Business } from "@evenkeel/contracts/module";
import type { Component } from "../module-api.ts";
import type { Board, Published } from "../publication/board.ts";
import { pick, questionOfCall } from "../publication/pick.ts";

/** The points of each process, in their order. An optional one is passed over where no module has a link for the business. */
export type Processes = Readonly<
  Record<string, readonly (string | { readonly point: string; readonly optional: true })[]>
>;

export interface ProcessRun {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly input: unknown;
}

export interface ProcessResult {
  readonly output: unknown;
  readonly business: string;
  /** Who has done what, in order. */
  readonly links: readonly { readonly point: string; readonly module: string; readonly version: string }[];
}

/** What a module publishes as a component. */
export interface ComponentValue {
  readonly run: Component;
  /** Empty: all. */
  readonly businesses: readonly string[];
}

export class ProcessEngine {
  readonly #board: Board;
  readonly #processes: Processes;
  businesses: readonly Business[] = [];

  constructor(board: Board, processes: Processes) {
    this.#board = board;
    this.#processes = processes;
  }

  /** Chains the links of a process for the first business whose conditions the attributes meet. All links are chosen before the first one runs. */
  async run(name: string, { attributes, input }: ProcessRun): Promise<ProcessResult> {
    const points = this.#processes[name];
    if (points === undefined) throw new PlatformError("PROCESS_UNKNOWN", { process: name });
    const business = this.businesses.find(({ when }) =>
      Object.entries(when).every(([key, value]) => attributes[key] === value),
    );
    if (business === undefined) throw new PlatformError("BUSINESS_UNKNOWN", { process: name });
    const chosen = points.flatMap((each) => this.#choose(each, business, { attributes, input }));
    let output = input;
    for (const { value } of chosen) output = await value.run(output, { business: business.name, attributes });
    const links = chosen.map(({ name: point, module, version }) => ({ point, module, version }));
    return { output, business: business.name, links };
  }

  #choose(each: Processes[string][number], business: Business, run: ProcessRun): Published<ComponentValue>[] {
    const point = typeof each === "string" ? each : each.point;
    const all = this.#board.candidates<ComponentValue>("component", point);
    const own = all.filter(({ module, value }) => takesPart(business, module, value));
    const named = own.filter(({ value }) => value.businesses.length > 0);
    const candidates = named.length > 0 ? named : own;
    const rules = this.#board.rulesOf("component", point);
    const question = questionOfCall(business.name, { attributes: run.attributes, input: run.input });
    const link = pick({ rules, candidates, question, chance: Math.random });
    if (link !== undefined) return [link];
    if (typeof each === "string") throw new PlatformError("COMPONENT_ABSENT", { point, business: business.name });
    return [];
  }
}

function takesPart({ name, modules }: Business, module: string, { businesses }: ComponentValue): boolean {
  return (modules.length === 0 || modules.includes(module)) && (businesses.length === 0 || businesses.includes(name));
}
