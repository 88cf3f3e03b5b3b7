import { type ErrorCode, type Facts, PlatformError } from "@evenkeel/contracts/platform-error";

/** What was thrown, in one line; modules throw anything. */
export function sentenceOf(thrown: unknown): string {
  // Node tells of its own means; the module is told of what it did.
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED")
    return "it held the event loop, and was interrupted";
  if (thrown instanceof Error) return thrown.message || thrown.name;
  try {
    return String(thrown);
  } catch {
    return "something that cannot be shown";
  }
}

/** An entry of the catalogue around what a module threw, whose stack it keeps; what is one already stays. */
export function wrapped(error: unknown, code: ErrorCode, facts: Facts): PlatformError {
  if (error instanceof PlatformError) return error;
  return new PlatformError(code, { ...facts, problem: sentenceOf(error) }, { cause: error });
}
