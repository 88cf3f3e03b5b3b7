import { hash } from "node:crypto";
import { valueAt } from "@evenkeel/contracts/json-path";
import type { SplitCondition, SplitRule, SplitTarget } from "@evenkeel/contracts/module";

/** What a rule may ask of a request or a call. */
export interface Question {
  readonly caller: string | undefined;
  readonly header: (name: string) => string | undefined;
  readonly query: (name: string) => string | undefined;
  readonly segment: (index: number) => string | undefined;
  /** The value at a dotted path of the body or the arguments. */
  readonly body: (path: string) => unknown;
}

/** What a call inside the process is asked: who calls, and what its arguments are. */
export function questionOfCall(caller: string | undefined, args: unknown): Question {
  const nothing = (): undefined => undefined;
  return { caller, header: nothing, query: nothing, segment: nothing, body: (path) => valueAt(args, path) };
}

/** A publication that could answer. */
export interface Choice {
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
}

interface Asked<Candidate extends Choice> {
  readonly rules: readonly SplitRule[];
  /** Newest publication first. */
  readonly candidates: readonly Candidate[];
  readonly question: Question;
  /** From 0 to 1, not 1 itself. */
  readonly chance: () => number;
}

/** Who answers: by the first rule that agrees and leads to somebody, else the newest publication. */
export function pick<Candidate extends Choice>(asked: Asked<Candidate>): Candidate | undefined {
  for (const rule of asked.rules) {
    if (!agrees(rule.when, asked.question)) continue;
    const chosen = byWeight(rule, asked);
    if (chosen !== undefined) return chosen;
  }
  return asked.candidates[0];
}

function agrees({ caller, header, query, segment, body }: SplitCondition, question: Question): boolean {
  return (
    (caller === undefined || question.caller === caller) &&
    (header === undefined || question.header(header.name) === header.equals) &&
    (query === undefined || question.query(query.name) === query.equals) &&
    (segment === undefined || question.segment(segment.index) === segment.equals) &&
    (body === undefined || question.body(body.path) === body.equals)
  );
}

function byWeight<Candidate extends Choice>(rule: SplitRule, asked: Asked<Candidate>): Candidate | undefined {
  const shares = rule.to.flatMap((target) => {
    const candidate = asked.candidates.find((each) => fits(each, target));
    return candidate === undefined || target.weight === 0 ? [] : [{ candidate, weight: target.weight }];
  });
  const whole = shares.reduce((sum, { weight }) => sum + weight, 0);
  let point = placeOf(rule, asked) * whole;
  for (const { candidate, weight } of shares) {
    point -= weight;
    if (point < 0) return candidate;
  }
  return shares.at(-1)?.candidate;
}

/** Whether a publication is of this version and has these tags. */
export function fits({ version, tags }: Choice, wanted: Pick<SplitTarget, "version" | "tags">): boolean {
  if (wanted.version !== undefined && wanted.version !== version) return false;
  return Object.entries(wanted.tags).every(([name, value]) => tags[name] === value);
}

function placeOf<Candidate extends Choice>(rule: SplitRule, { question, chance }: Asked<Candidate>): number {
  const value = stickyValue(rule, question);
  if (value === undefined || value === null) return chance();
  return Number.parseInt(hash("sha256", `${rule.on.name}\n${String(value)}`).slice(0, 12), 16) / 2 ** 48;
}

function stickyValue({ stickyBy, stickyOn }: SplitRule, question: Question): unknown {
  switch (stickyBy) {
    case "caller":
      return question.caller;
    case "header":
      return question.header(stickyOn);
    case "query":
      return question.query(stickyOn);
    case "body":
      return question.body(stickyOn);
    case undefined:
      return undefined;
  }
}

/** Whether deciding needs what is in the body. */
export function asksBody(rules: readonly SplitRule[]): boolean {
  return rules.some(({ when, stickyBy }) => when.body !== undefined || stickyBy === "body");
}
