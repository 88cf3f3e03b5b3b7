import { fillText, type Problem } from "@evenkeel/contracts/error";
import type { Words } from "./index.tsx";
import { PROBLEMS } from "./zh/problems.ts";

/** The sentence and the remedy of a problem; what has no Chinese text yet is told as the API tells it. */
export function sentenceOf(
  { code, facts, title, remedy }: Problem,
  { language }: Pick<Words, "language">,
): { readonly title: string; readonly remedy: string } {
  const chinese = language === "zh" ? PROBLEMS[code] : undefined;
  if (chinese === undefined) return { title, remedy };
  const [chineseTitle, chineseRemedy] = chinese;
  return { title: fillText(chineseTitle, facts), remedy: fillText(chineseRemedy, facts) };
}
