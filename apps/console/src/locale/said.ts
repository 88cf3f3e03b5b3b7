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
};
const STATES = ["change", "target", "step", "instance", "host", "batch", "state"];
const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const LISTS = [
  ["; ", "；"],
  [", ", "，"],
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
  if (Array.isArray(fact)) return fact.map((each) => factBy(words, name, each));
  if (typeof fact !== "string") return fact;
  if (words.language === "zh" && name === "state") return stateBy(words, fact);
  if (name === "step" || name === "what") return stepBy(words, fact);
  return saidBy(words, fact, FAMILIES[name]);
}

/** The name of a step: its first word is the platform's, the rest says of what. */
export function stepBy({ language }: Pick<Speaker, "language">, name: string): string {
  return language === "zh" ? name.replace(/^[a-z-]+(?= |$)/, (word) => STEPS[word] ?? word) : name;
}

function stateBy({ named }: Speaker, state: string): string {
  // A word that is not known comes back as it was.
  return STATES.map((noun) => named(noun, state)).find((told) => told !== state) ?? state;
}

function chinese(words: Speaker, text: string, family: string | undefined): string {
  return whole(words, text, family) ?? parts(words, text) ?? text;
}

function whole(words: Speaker, text: string, family?: string): string | null {
  const phrase = phraseOf(text, family);
  if (phrase !== null) return fillText(PHRASES_ZH[phrase.code], factsBy(words, phrase.facts));
  const problem = titleIn(text);
  const sentence = problem === null ? undefined : PROBLEMS[problem.code]?.[0];
  return problem === null || sentence === undefined ? null : fillText(sentence, factsBy(words, problem.facts));
}

/** A list, of which some are the platform's words; or a field, and what is wrong with it. */
function parts(words: Speaker, text: string): string | null {
  for (const [english, ours] of LISTS) {
    const each = text.split(english);
    if (each.length === 1) continue;
    const told = each.map((part) => whole(words, part) ?? (english === "; " ? parts(words, part) : null));
    if (told.some((part) => part !== null)) return each.map((part, index) => told[index] ?? part).join(ours);
  }
  const [, field, rest] = /^(\w+): (.+)$/s.exec(text) ?? [];
  const told = rest === undefined ? null : whole(words, rest);
  return told === null ? null : `${field}：${told}`;
}
