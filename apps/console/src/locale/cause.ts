import type { Cause } from "@evenkeel/contracts/cause";
import { fillText } from "@evenkeel/contracts/error";
import type { Words } from "./index.tsx";
import { CAUSES } from "./zh/causes.ts";
import { PROBLEMS } from "./zh/problems.ts";

/** Title and remedy of a cause; a problem that is its own cause is told in its own words. */
export function causeOf(
  { code, title, remedy, facts }: Cause,
  { language }: Pick<Words, "language">,
): { readonly title: string; readonly remedy: string } {
  const chinese = language === "zh" && facts !== undefined ? sentencesOf(code) : undefined;
  if (chinese === undefined || facts === undefined) return { title, remedy };
  return { title: fillText(chinese[0], facts), remedy: fillText(chinese[1], facts) };
}

const sentencesOf = (code: string) => CAUSES[code] ?? PROBLEMS[code as keyof typeof PROBLEMS];
