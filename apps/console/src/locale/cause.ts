import type { Cause } from "@evenkeel/contracts/cause";
import { fillText } from "@evenkeel/contracts/error";
import { factsBy, type Speaker } from "./said.ts";
import { CAUSES } from "./zh/causes.ts";
import { PROBLEMS } from "./zh/problems.ts";

/** Title and remedy of a cause; a problem that is its own cause is told in its own words. */
export function causeOf(
  { code, title, remedy, facts }: Cause,
  words: Speaker,
): { readonly title: string; readonly remedy: string } {
  const chinese = words.language === "zh" && facts !== undefined ? sentencesOf(code) : undefined;
  if (chinese === undefined || facts === undefined) return { title, remedy };
  const told = factsBy(words, facts);
  return { title: fillText(chinese[0], told), remedy: fillText(chinese[1], told) };
}

const sentencesOf = (code: string) => CAUSES[code] ?? PROBLEMS[code as keyof typeof PROBLEMS];
