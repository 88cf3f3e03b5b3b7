import { fillText } from "@evenkeel/contracts/error";
import { phraseOf, titleIn } from "@evenkeel/contracts/phrase";
import { PHRASES_ZH } from "./zh/phrases.ts";
import { PROBLEMS } from "./zh/problems.ts";
import { STEPS } from "./zh/steps.ts";

/** Who tells: in which language, by which words and in which zone. */
export interface Speaker {
  readonly language: "en" | "zh";
  named(prefix: string, name: string): string;
  moment(at: string): string;
}

/** Facts that stand for one of a family of phrases, be it a single word. */
const FAMILIES: Readonly<Record<string, string>> = {
  ...{
    batch: "batch",
    from: "value",
    to: "value",
    change: "batch",
    label: "label",
    resource: "label",
    side: "side",
    guard: "guard",
  },
  ...{ cluster: "value", group: "group", problem: "why", subset: "value", whom: "value" },
  ...{ type: "type", found: "type", unit: "unit", exit: "exit", holder: "holder", beside: "place", where: "place" },
  ...{
    place: "label",
    what: "what",
    allowed: "allowed",
    state: "state",
    cells: "listed",
    zones: "listed",
    said: "why",
  },
  ...{ altered: "altered", alteration: "altered" },
  ...{ batches: "batch", selector: "value", modules: "value" },
};
/** Facts that are one of the words of the console. */
const NAMED: Readonly<Record<string, string>> = {
  action: "action",
  verb: "action",
  allowed: "action",
  metric: "scaling.metric",
};
const STEP_FACTS = ["step", "later", "what"];
const STATES = ["change", "target", "step", "instance", "host", "batch", "state", "module.is"];
const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const LISTS = [
  { english: "; ", ours: "；" },
  { english: ", ", ours: "，" },
] as const;

/**
 * A text of an answer in the person's language, as far as it is the platform's own; names, and what people or programs said, stand
 * as they are. Moments are told in the person's zone in both.
 */
export function saidBy(words: Speaker, text: string, family?: string): string {
  const told = words.language === "zh" ? chinese(words, text, family) : text;
  return told.replace(MOMENT, (at) => words.moment(at));
}

/** The facts of a sentence, themselves in the person's language. */
export function factsBy(words: Speaker, facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, factBy(words, name, fact)]));
}

function factBy(words: Speaker, name: string, fact: unknown): unknown {
  if (Array.isArray(fact)) {
    const told = fact.map((each) => factBy(words, name, each));
    return words.language === "zh" ? told.join("，") : told;
  }
  if (typeof fact !== "string") return fact;
  const named = words.language === "zh" ? namedBy(words, name, fact) : fact;
  return named === fact ? saidBy(words, fact, FAMILIES[name]) : named;
}

/** The name of a step: its first word is the platform's, the rest says of what. */
export function stepBy({ language }: Pick<Speaker, "language">, name: string): string {
  return language === "zh" ? name.replace(/^[a-z-]+(?= |$)/, (word) => STEPS[word] ?? word) : name;
}

/** A fact that is a name of the console's own, such as a state or a step; what is not known comes back as it was. */
function namedBy(words: Speaker, name: string, fact: string): string {
  if (STEP_FACTS.includes(name)) return stepBy(words, fact);
  const families = name === "state" ? STATES : [NAMED[name] ?? ""];
  return families.map((family) => words.named(family, fact)).find((told) => told !== fact) ?? fact;
}

/** What is surely a phrase comes first, what may only be one last: a field and what is wrong with it looks like much else. */
function chinese(words: Speaker, text: string, family: string | undefined): string {
  const [sentences, names] = LISTS;
  return (
    whole(words, text) ??
    list(words, text, { ...sentences, family }) ??
    ofField(words, text, family) ??
    whole(words, text, family) ??
    list(words, text, { ...names, family }) ??
    text
  );
}

function whole(words: Speaker, text: string, family?: string): string | null {
  const phrase = phraseOf(text, family);
  if (phrase !== null) return fillText(PHRASES_ZH[phrase.code], factsBy(words, phrase.facts));
  const problem = titleIn(text);
  const sentence = problem === null ? undefined : PROBLEMS[problem.code]?.[0];
  return problem === null || sentence === undefined ? null : fillText(sentence, factsBy(words, problem.facts));
}

interface Separated {
  readonly english: string;
  readonly ours: string;
  readonly family: string | undefined;
}

/** A list, of which some are the platform's words; null = none is. */
function list(words: Speaker, text: string, { english, ours, family }: Separated): string | null {
  const each = text.split(english);
  if (each.length === 1) return null;
  const told = each.map((part) =>
    english === ", " ? (whole(words, part, family) ?? part) : chinese(words, part, family),
  );
  return told.every((part, index) => part === each[index]) ? null : told.join(ours);
}

/** A field, and what is wrong with it. */
function ofField(words: Speaker, text: string, family: string | undefined): string | null {
  const [, field, rest] = /^([\w.-]+): (.+)$/s.exec(text) ?? [];
  if (field === undefined || rest === undefined) return null;
  const told = whole(words, rest, family) ?? ofField(words, rest, family);
  return told === null ? null : `${field}：${told}`;
}
