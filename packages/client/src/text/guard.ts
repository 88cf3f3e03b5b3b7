import type { Guard, GuardVerdict } from "@evenkeel/contracts/guard";
import { guardName } from "@evenkeel/contracts/guard";
import { type Line, line, type Span, span, type Tone } from "./line.ts";

const MARKS = { pass: ["✔", "good"], worse: ["✖", "bad"], "no-data": ["?", "warn"] } as const;

/** What the guards of a batch have found, one line each. */
export function verdictLines(verdicts: readonly GuardVerdict[], indent: string): Line[] {
  const width = Math.max(...verdicts.map(({ name }) => name.length), 0);
  return verdicts.map((verdict) => line(indent, mark(verdict), ` ${verdict.name.padEnd(width)}  `, ...found(verdict)));
}

function mark({ outcome }: GuardVerdict): Span {
  const [text, tone] = outcome === null ? (["●", "busy"] as const) : MARKS[outcome];
  return span(text, tone);
}

function found({ outcome, text, overruledBy }: GuardVerdict): Span[] {
  const tone: Tone = outcome === null || outcome === "pass" ? "dim" : MARKS[outcome][1];
  const judged = outcome === "no-data" ? `cannot judge: ${text}` : text;
  return [span(judged, tone), ...(overruledBy === null ? [] : [span(`  overruled by ${overruledBy}`, "warn")])];
}

/** The verdicts that were not there at the last look, for outputs that cannot redraw. */
export function verdictNews(before: readonly GuardVerdict[], after: readonly GuardVerdict[]): Line[] {
  const known = new Map(before.map((verdict) => [`${verdict.guard} ${verdict.when}`, verdict]));
  const fresh = after.filter((verdict) => {
    const last = known.get(`${verdict.guard} ${verdict.when}`);
    return verdict.outcome !== null && (last?.outcome !== verdict.outcome || last.overruledBy !== verdict.overruledBy);
  });
  return verdictLines(fresh, "    ");
}

/** A guard in one phrase, for a plan. */
export function guardText(guard: Guard): string {
  const acts = guard.action === "rollback" ? "rolls back" : "pauses";
  if (guard.kind !== "http") return `${guardName(guard)} (${acts})`;
  const at = typeof guard.at === "string" ? guard.at : `number ${guard.at.nth}`;
  return `${guardName(guard)} ${guard.when} ${at} batch (${acts})`;
}
