import type { StepView, TargetView } from "@evenkeel/contracts/change";
import type { Problem } from "@evenkeel/contracts/error";
import { type Line, line, span } from "./line.ts";

/** Lines of an application's or a script's last output that are shown with a failure. */
const OUTPUT_LINES = 8;

/** A problem as people read it: what happened, what to do, and the code. */
export function problemLines({ title, remedy, code }: Problem, indent = ""): Line[] {
  return [
    line(indent, span(title, "bad"), " ", span(code, "dim")),
    ...(remedy === "" ? [] : [line(`${indent}${remedy}`)]),
  ];
}

/** What went wrong on a host: the cause, then the step with its exit code, and the last output. */
export function targetTrouble({ problem, steps }: TargetView, indent: string): Line[] {
  const failed = lastFailed(steps);
  if (problem === null && failed === undefined) return [];
  const cause = problem ?? problemOfStep(failed);
  const exit = failed?.outcome?.exitCode;
  const where = failed === undefined ? [] : [line(span(`${indent}in ${failed.name}${exitText(exit)}`, "dim"))];
  return [
    ...(cause === null ? [] : problemLines(cause, indent)),
    ...where,
    ...outputLines(failed).map((text) => line(span(`${indent}│ `, "dim"), text)),
  ];
}

/** The last output of the step that failed. */
export function lastOutput(target: TargetView): string[] {
  return outputLines(lastFailed(target.steps));
}

function lastFailed(steps: readonly StepView[]): StepView | undefined {
  const last = steps.findLast(({ outcome, state }) => outcome !== null || state !== "pending");
  return last?.outcome !== null && last?.outcome?.kind !== "succeeded" ? last : undefined;
}

function problemOfStep(step: StepView | undefined): Problem | null {
  const outcome = step?.outcome ?? null;
  return outcome === null || outcome.kind === "succeeded" ? null : outcome.problem;
}

const exitText = (exit: number | null | undefined): string =>
  typeof exit === "number" ? `, which ended with ${exit}` : "";

function outputLines(step: StepView | undefined): string[] {
  const output = step?.outcome?.output;
  if (output === undefined) return [];
  const lines = `${output.head}\n${output.tail}`
    .split("\n")
    .map((text) => text.trimEnd())
    .filter((text) => text !== "");
  const told = withoutRepeats(lines);
  const last = told.slice(-OUTPUT_LINES);
  // The end of a stack trace without its beginning says nothing.
  const cause = told.find((text) => TELLING.test(text));
  return cause === undefined || last.includes(cause) ? last : [cause, ...last.slice(1 - OUTPUT_LINES)];
}

const TELLING = /error\b|exception\b|fatal|cannot |not found|no such|denied/i;

/** What is said again and again is said once, with how often. */
function withoutRepeats(lines: readonly string[]): string[] {
  const runs: { text: string; times: number }[] = [];
  for (const text of lines) {
    const last = runs.at(-1);
    if (last?.text === text) last.times += 1;
    else runs.push({ text, times: 1 });
  }
  return runs.map(({ text, times }) => (times === 1 ? text : `${text}  (${times} times)`));
}
