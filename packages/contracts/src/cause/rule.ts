import type { Cause, Evidence } from "../cause.ts";
import type { Problem } from "../error.ts";

/** What is known of a failure. */
export interface Symptom {
  readonly problem: Problem;
  readonly exitCode: number | null;
  /** Of the last output, without empty ones. */
  readonly lines: readonly string[];
  readonly evidence: Evidence;
}

/** What a rule has found: its line of the output, and what its sentences name. */
export interface Match {
  readonly line?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** One row of the table: by what a cause is known, and what is said of it. */
export interface Rule extends Pick<Cause, "code" | "certainty" | "title" | "remedy"> {
  find(symptom: Symptom): Match | null;
}

/** Is known by a line of the output; named groups are its facts. The last such line is the one that counts. */
export function inOutput(...patterns: readonly RegExp[]): Rule["find"] {
  return ({ lines }) => {
    for (const line of lines.toReversed()) {
      for (const pattern of patterns) {
        const found = pattern.exec(line);
        if (found !== null) return { line, facts: { ...found.groups } };
      }
    }
    return null;
  };
}

/** Is known by the code of the problem, and by one of its facts where a pattern is given. */
export function inProblem(codes: readonly string[], fact?: string, pattern?: RegExp): Rule["find"] {
  return ({ problem }) => {
    if (!codes.includes(problem.code)) return null;
    if (fact === undefined || pattern === undefined) return { facts: problem.facts };
    const found = pattern.exec(String(problem.facts[fact] ?? ""));
    return found === null ? null : { facts: { ...problem.facts, ...found.groups } };
  };
}

/** Is known by what the agent has looked up. */
export function inEvidence(name: keyof Evidence): Rule["find"] {
  return ({ evidence }) => {
    const value = evidence[name];
    const isThere = Array.isArray(value) ? value.length > 0 : value !== undefined;
    return isThere ? { facts: { [name]: value } } : null;
  };
}

/** The first of them that finds something. */
export function firstOf(...finds: readonly Rule["find"][]): Rule["find"] {
  return (symptom) => {
    for (const find of finds) {
      const match = find(symptom);
      if (match !== null) return match;
    }
    return null;
  };
}

/** Ways in which the application or a script ended by itself. */
export const ENDED = ["START_FAILED", "START_COMMAND_MISSING", "SCRIPT_FAILED", "CRASH_LOOP", "NEVER_HEALTHY"];
