import { errorTitle, PlatformError, type ProblemDocument, problemDocument } from "@evenkeel/contracts/error";
import { LeaseLost } from "@evenkeel/kit/lease";
import { CommitUnknown } from "@evenkeel/kit/sql-error";

/** Turns whatever was thrown into an error of the catalogue; what is not ours becomes INTERNAL with the trace id. */
export function asPlatformError(error: unknown, traceId: string): PlatformError {
  if (error instanceof PlatformError) return error;
  if (error instanceof CommitUnknown) return new PlatformError("OUTCOME_UNKNOWN", {}, { cause: error });
  if (error instanceof LeaseLost)
    return new PlatformError("UNAVAILABLE", { what: "This control plane" }, { cause: error });
  return fromFramework(error) ?? new PlatformError("INTERNAL", { traceId }, { cause: error });
}

function fromFramework(error: unknown): PlatformError | null {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new PlatformError("BODY_TOO_LARGE", { limitBytes: BODY_LIMIT_BYTES });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_CTP_EMPTY_TYPE":
      return new PlatformError("MEDIA_TYPE_UNSUPPORTED", { expected: "application/json" });
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
    case "FST_ERR_CTP_INVALID_JSON_BODY":
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new PlatformError("INPUT_INVALID", { problem: "the body is not JSON", field: "" });
    default:
      return error instanceof SyntaxError || code === "FST_ERR_BAD_URL" || code === "FST_ERR_MAX_PARAM_LENGTH"
        ? new PlatformError("INPUT_INVALID", { problem: "the body or the address is malformed", field: "" })
        : null;
  }
}

/** The largest body in JSON, in bytes. */
export const BODY_LIMIT_BYTES = 4 * 1024 ** 2;

/** The document that a client gets; `title` of an internal error says nothing of its cause. */
export function documentOf({ code, facts }: PlatformError, traceId: string): ProblemDocument & { traceId: string } {
  return { ...problemDocument(code, facts), title: errorTitle(code, facts), traceId };
}
