import { ERRORS, type ErrorCode } from "./error.ts";
import { MACHINE_PHRASES } from "./phrase-catalogue/machine.ts";
import { PLAN_PHRASES } from "./phrase-catalogue/plan.ts";
import { PROBLEM_PHRASES } from "./phrase-catalogue/problem.ts";
import { PROGRESS_PHRASES } from "./phrase-catalogue/progress.ts";
import { REQUEST_PHRASES } from "./phrase-catalogue/request.ts";
import { SCALING_PHRASES } from "./phrase-catalogue/scaling.ts";
import { UNFIT_PHRASES } from "./phrase-catalogue/unfit.ts";

/** All that the platform says in its answers beside the sentences of problems. */
export const PHRASES = {
  ...PLAN_PHRASES,
  ...PROGRESS_PHRASES,
  ...PROBLEM_PHRASES,
  ...UNFIT_PHRASES,
  ...REQUEST_PHRASES,
  ...MACHINE_PHRASES,
  ...SCALING_PHRASES,
} as const;
export type PhraseCode = keyof typeof PHRASES;

type FactIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${string} ${string}` ? never : Name) | FactIn<Rest>
  : never;
type FactsIn<Code extends PhraseCode> = FactIn<(typeof PHRASES)[Code]>;
type Fact = string | number | readonly string[];

const FACT = /\{(\w+)\}/g;

/** The sentence of a phrase with its facts; lists are told with commas. */
export function say<Code extends PhraseCode>(
  code: Code,
  ...[facts]: [FactsIn<Code>] extends [never] ? [] : [facts: Readonly<Record<FactsIn<Code>, Fact>>]
): string {
  const known: Readonly<Record<string, Fact>> = facts ?? {};
  return PHRASES[code].replace(FACT, (whole, name: string) => {
    const fact = known[name];
    return fact === undefined ? whole : typeof fact === "object" ? fact.join(", ") : String(fact);
  });
}

/** What a sentence says: its code, and its facts by name. */
export interface Phrase {
  readonly code: PhraseCode;
  readonly facts: Readonly<Record<string, string>>;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
/** Facts that are numbers, and facts that may hold spaces; all others are one word. */
const NUMBERS = words(`
  number count total hits needed requests connections percent share ms megabytes unchanged before status seconds
  expected wanted beta`);
const SPACED = words(`
  title services hosts others rules parts cells modules routes route zones group bases batch batches versions shares
  subset steps label was now from to target said problem limit addresses side applications gateways step later what
  selector whom effects guard beside text type options bound field holder name program recurrence`);
/** One of a list, and it may hold spaces. */
const LISTED = words("altered");
/** Too little of them is fixed to be known where their family is not asked for. */
const VAGUE: readonly PhraseCode[] = [
  "batch.part",
  "left.at",
  "left.done",
  "label.slot",
  "why.is-so",
  "why.batch-so",
  "why.rule-so",
  "why.encrypted",
  "why.damaged",
  "why.too-large",
  "why.newer",
  "why.leaves-out",
  "label.target",
  "label.batch",
  "label.step",
  "label.address",
  "label.login-link",
  "label.access-token",
  "label.any-host",
  "label.in-workspace",
  "label.in",
  "label.revision-of",
  "listed.altered",
  "altered.zones",
  "altered.fail-over",
  "altered.and",
  "place.batch-of",
  "place.no-batch",
  "place.and-buffer",
  "allowed.then",
  "allowed.confirm",
  "state.running",
  "exit.signal",
  "exit.nothing",
  "holder.instance",
  "drift.standing",
  "value.split",
  "value.split-sticky",
  "value.business",
  "field.of-route",
  "field.of-service",
  "field.of-event",
  "field.of-component",
  "field.of-snippet",
  "field.business",
  "drift.by",
  "host.of-agent",
  "why.empty",
  "what.database",
  "what.its-database",
];

interface Pattern {
  readonly code: PhraseCode;
  readonly family: string;
  readonly isVague: boolean;
  readonly pattern: RegExp;
}

const escaped = (text: string): string => text.replace(/[.*+?^$()[\]{}|\\/]/g, String.raw`\$&`);

/** Matches the sentence with any facts of the right shape. */
function matching(text: string, shape: (fact: string) => string): RegExp {
  const seen = new Set<string>();
  const source = text.split(FACT).map((part, index) => {
    if (index % 2 === 0) return escaped(part);
    if (seen.has(part)) return String.raw`\k<${part}>`;
    seen.add(part);
    return `(?<${part}>${shape(part)})`;
  });
  return new RegExp(`^${source.join("")}$`, "s");
}

function patternOf(code: PhraseCode): Pattern {
  const text: string = PHRASES[code];
  const isWord = !/[ {]/.test(text);
  const [family = ""] = code.split(".");
  return { code, family, isVague: isWord || VAGUE.includes(code), pattern: matching(text, shapeOf) };
}

function shapeOf(fact: string): string {
  if (NUMBERS.includes(fact)) return String.raw`\d+(?:\.\d+)?`;
  if (LISTED.includes(fact)) return "[^,;]+?";
  return SPACED.includes(fact) ? ".+?" : String.raw`\S+`;
}

const fixedLength = (text: string): number => text.replace(FACT, "").length;

/** Made when it is used for the first time: who reads English never does. */
function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

// What says most by itself is tried first.
const patterns = once(() =>
  (Object.keys(PHRASES) as PhraseCode[])
    .map(patternOf)
    .toSorted((one, other) => fixedLength(PHRASES[other.code]) - fixedLength(PHRASES[one.code])),
);

/**
 * Which phrase a sentence of an answer is; null = none: a name, or somebody's own words. A single word, and what is hardly fixed, is
 * known only as one of its `family`, the first part of its code.
 */
export function phraseOf(text: string, family?: string): Phrase | null {
  for (const each of patterns()) {
    if (each.isVague && each.family !== family) continue;
    const found = each.pattern.exec(text);
    if (found !== null) return { code: each.code, facts: { ...found.groups } };
  }
  return null;
}

/** A sentence with less of its own is anybody's. */
const TITLE_CHARACTERS = 12;
const titles = once(() =>
  (Object.keys(ERRORS) as ErrorCode[])
    .filter((code) => fixedLength(ERRORS[code].title) >= TITLE_CHARACTERS)
    .map((code) => ({ code, pattern: matching(ERRORS[code].title, () => ".+?") })),
);

/** Which problem a text is the sentence of, where an answer has nothing but the sentence; null = none. */
export function titleIn(
  text: string,
): { readonly code: ErrorCode; readonly facts: Readonly<Record<string, string>> } | null {
  for (const { code, pattern } of titles()) {
    const found = pattern.exec(text);
    if (found !== null) return { code, facts: { ...found.groups } };
  }
  return null;
}
