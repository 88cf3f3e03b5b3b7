import { say } from "@evenkeel/contracts/phrase";
import { isSafePattern } from "redos-detector";

/** What every engine reads alike: classes, anchors, groups, alternatives, repetition. */
const KNOWN_ESCAPE = /^[dDwWsSbtnr.*+?()[\]{}|^$/\\-]$/;
/** So many ways to read one text a pattern may have at most; linear ones have one or a few. */
const MAX_WAYS = 100;
const MAX_STEPS = 5000;

/** Why a pattern is not taken; null = every engine reads it alike, in time linear in the text. */
export function regexProblem(pattern: string): string | null {
  for (const [sequence, letter = ""] of pattern.matchAll(/\\(.?)/gs))
    if (!KNOWN_ESCAPE.test(letter)) return say("why.regex-engines", { text: sequence });
  if (/\(\?(?!:)/.test(pattern.replace(/\\./g, ""))) return say("why.regex-groups");
  try {
    new RegExp(pattern);
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^.*: /, "") : say("why.regex-none");
  }
  const { safe } = isSafePattern(pattern, {
    maxScore: MAX_WAYS,
    maxSteps: MAX_STEPS,
    timeout: Number.POSITIVE_INFINITY,
  });
  return safe ? null : say("why.regex-slow");
}
