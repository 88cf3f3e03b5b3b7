import type { Outcome, Output } from "../agent-protocol.ts";
import type { Cause, Evidence } from "../cause.ts";
import { fillText, type Problem } from "../error.ts";
import { ENVIRONMENT_RULES } from "./environment.ts";
import { HEALTH_RULES } from "./health.ts";
import { PLATFORM_RULES } from "./platform.ts";
import { PROGRAM_RULES } from "./program.ts";
import { RESOURCE_RULES } from "./resource.ts";
import type { Match, Rule, Symptom } from "./rule.ts";

/** Every cause that is known, in the order in which they are told where they are equally sure. */
export const CAUSE_RULES: readonly Rule[] = [
  ...RESOURCE_RULES,
  ...PROGRAM_RULES,
  ...ENVIRONMENT_RULES,
  ...PLATFORM_RULES,
  ...HEALTH_RULES,
];

/** What only says that something ended badly; every other code is a cause by itself. */
const VAGUE: readonly string[] = [
  ...[
    "START_FAILED",
    "START_COMMAND_MISSING",
    "SCRIPT_FAILED",
    "SCRIPT_TIMEOUT",
    "HEALTH_TIMEOUT",
    "CRASH_LOOP",
    "NEVER_HEALTHY",
  ],
  ...["INSTANCE_UNHEALTHY", "COMMAND_FAILED", "COMMAND_TIMEOUT", "STEP_TIMEOUT", "STEP_INTERRUPTED"],
];
const CERTAINTIES: readonly Cause["certainty"][] = ["certain", "likely", "possible"];
/** So many are told, and so many characters of a line. */
const CAUSES = 3;
const LINE_CHARACTERS = 300;

/** Why an attempt failed, most certain first; none for a success, and none where nothing is known. */
export function causesOf(outcome: Outcome): Cause[] {
  if (outcome.kind === "succeeded") return [];
  const { problem, output, exitCode, evidence } = outcome;
  return causesOfProblem(problem, { output, exitCode, evidence });
}

/** Traces of a failure beside its problem. */
export interface Traces {
  readonly output?: Output | undefined;
  readonly exitCode?: number | null | undefined;
  readonly evidence?: Evidence | undefined;
}

/** The same for a problem that is told without an attempt. */
export function causesOfProblem(problem: Problem, { output, exitCode = null, evidence = {} }: Traces = {}): Cause[] {
  const lines = output === undefined ? toldLines(problem) : linesOf(output);
  const symptom: Symptom = { problem, exitCode, lines, evidence };
  const found = CAUSE_RULES.flatMap((rule) => {
    const match = rule.find(symptom);
    return match === null ? [] : [told(rule, match)];
  });
  const isKnown = VAGUE.includes(problem.code) || found.some(({ certainty }) => certainty === "certain");
  const own: Cause = {
    code: problem.code,
    certainty: "certain",
    title: problem.title,
    remedy: problem.remedy,
    line: null,
    facts: problem.facts,
  };
  const all = isKnown ? found : [own, ...found.filter(({ code }) => code !== problem.code)];
  const ranked = CERTAINTIES.flatMap((certainty) => all.filter((cause) => cause.certainty === certainty));
  // Where something is known, what merely fits is noise.
  const sure = ranked.filter(({ certainty }) => certainty !== "possible");
  return (sure.length > 0 ? sure : ranked).slice(0, CAUSES);
}

function told({ code, certainty, title, remedy }: Rule, { line, facts = {} }: Match): Cause {
  return {
    code,
    certainty,
    title: fillText(title, facts),
    remedy: fillText(remedy, facts),
    line: line?.trim() ?? null,
    facts,
  };
}

function linesOf({ head, tail }: Output): string[] {
  const lines = `${head}\n${tail}`.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => line.slice(0, LINE_CHARACTERS));
}

/** A crash loop is told with the last words of its instance. */
function toldLines({ facts: { lastWords } }: Problem): string[] {
  return Array.isArray(lastWords) ? lastWords.map(String) : [];
}
