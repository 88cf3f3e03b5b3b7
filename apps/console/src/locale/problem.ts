import { ERRORS, fillText, type Problem } from "@evenkeel/contracts/error";
import { factsBy, type Speaker } from "./said.ts";
import { PROBLEMS } from "./zh/problems.ts";

/** The sentence and the remedy of a problem; facts that are texts of the platform are told in the same language. */
export function sentenceOf(
  { code, facts, title, remedy }: Problem,
  words: Speaker,
): { readonly title: string; readonly remedy: string } {
  const known = words.language === "zh" ? PROBLEMS[code] : wordsOf(code);
  if (known === undefined) return { title, remedy };
  const [ofTitle, ofRemedy] = known;
  const told = factsBy(words, facts);
  return { title: fillText(ofTitle, told), remedy: fillText(ofRemedy, told) };
}

/** A control plane that is newer than this page may name a code that the page does not know. */
function wordsOf(code: Problem["code"]): readonly [string, string] | undefined {
  const entry = ERRORS[code] as { readonly title: string; readonly remedy: string } | undefined;
  return entry === undefined ? undefined : [entry.title, entry.remedy];
}
