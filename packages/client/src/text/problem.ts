import type { Cause } from "@evenkeel/contracts/cause";
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
  const output = outputLines(failed);
  const what = problem ?? problemOfStep(failed);
  const where = failed === undefined ? [] : [line(span(`${indent}in ${failed.name}${runText(failed)}`, "dim"))];
  return [
    ...(what === null ? [] : problemLines(what, indent)),
    ...where,
    ...output.map((text) => line(span(`${indent}│ `, "dim"), text)),
    ...causeLines(failed?.causes ?? [], { problem: what, output, indent }),
  ];
}

interface CauseContext {
  readonly problem: Problem | null;
  /** The lines of output that are shown already. */
  readonly output: readonly string[];
  readonly indent: string;
}

const SURE: Record<Cause["certainty"], string> = { certain: "", likely: "likely: ", possible: "possibly: " };

/** Why it went wrong, where that is more than the problem itself says. */
export function causeLines(causes: readonly Cause[], { problem, output, indent }: CauseContext): Line[] {
  const isShown = (shown: string): boolean => output.some((text) => text.includes(shown.trim()));
  return causes
    .filter(({ code }) => code !== problem?.code)
    .flatMap(({ certainty, title, remedy, code, line: shown }) => [
      line(indent, span("→ ", "warn"), span(SURE[certainty], "dim"), title, " ", span(code, "dim")),
      ...(shown === null || isShown(shown) ? [] : [line(span(`${indent}  │ ${shown}`, "dim"))]),
      line(`${indent}  ${remedy}`),
    ]);
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

/** The command, where it is known, and how it ended. */
function runText({ outcome }: StepView): string {
  if (outcome === null || outcome.kind === "succeeded") return "";
  const { evidence, exitCode, problem } = outcome;
  const command = evidence?.command ?? problem.facts.command;
  const ran = typeof command === "string" ? `: ${command}` : "";
  return `${ran}${typeof exitCode === "number" ? `, which ended with ${exitCode}` : ""}`;
}

function outputLines(step: StepView | undefined): string[] {
  const output = step?.outcome?.output;
  if (output === undefined) return [];
  const lines = `${output.head}\n${output.tail}`
    .split("\n")
    .map((text) => text.trimEnd())
    .filter((text) => text !== "");
  const told = withoutRepeats(lines);
  const at = told.findIndex((text) => TELLING.test(text));
  if (at === -1 || at >= told.length - OUTPUT_LINES) return told.slice(-OUTPUT_LINES);
  // The end of a stack trace without its beginning says nothing. Where it happened stands first; in Java with what caused it, at the end.
  const causedBy = told.slice(1 - OUTPUT_LINES).some((text) => text.startsWith("Caused by"));
  const frames = causedBy ? [] : told.slice(at + 1, at + 1 + FRAMES);
  const past = frames.findIndex((text) => !FRAME.test(text));
  const opening = [told[at] ?? "", ...(past === -1 ? frames : frames.slice(0, past))];
  return [...opening, ...told.slice(opening.length - OUTPUT_LINES)];
}

/** Of the beginning of a stack trace. */
const FRAMES = 3;
const FRAME = /^\s+at /;

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
