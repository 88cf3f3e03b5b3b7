import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { type ErrorCode, type Facts, PlatformError, type Problem, problemOf } from "@evenkeel/contracts/error";

/** An outcome that carries a problem. */
export type FailedOutcome = Exclude<Outcome, { kind: "succeeded" }>;

/** The problem that any thrown value stands for. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof PlatformError) return problemOf(error.code, error.facts);
  const { message } = error instanceof Error ? error : new Error(String(error));
  return problemOf("COMMAND_FAILED", { problem: message });
}

/** How a command ends that threw. */
export function failedWith(error: unknown, elapsedMs: number): FailedOutcome {
  return { kind: "failed", problem: problemFrom(error), elapsedMs };
}

/** Refused before anything was done. */
export function refusedWith(code: ErrorCode, facts: Facts): FailedOutcome {
  return { kind: "refused", problem: problemOf(code, facts), elapsedMs: 0 };
}

/** Cut off: how far it came is not known. */
export function interruptedWith(code: ErrorCode, facts: Facts): FailedOutcome {
  return { kind: "interrupted", problem: problemOf(code, facts), elapsedMs: 0 };
}
