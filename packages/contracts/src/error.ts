import { z } from "zod";
import { type ErrorCode as Code, ERRORS } from "./platform-error.ts";

export {
  asError,
  ERRORS,
  errorRemedy,
  errorTitle,
  type Facts,
  fillText,
  isRefusal,
  PlatformError,
  problemDocument,
  problemOf,
  type Refusal,
  refuse,
} from "./platform-error.ts";

export type ErrorCode = Code;
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

/** An error inside a result: what failed, and what to do. */
export const Problem = z.strictObject({
  code: ErrorCode,
  title: z.string(),
  remedy: z.string(),
  facts: z.record(z.string(), z.unknown()),
});
export type Problem = z.infer<typeof Problem>;

/** RFC 9457 problem document, `application/problem+json`. */
export const ProblemDocument = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: ErrorCode,
  retry: z.enum(["never", "later", "same-key-now", "after-refresh"]),
  facts: z.record(z.string(), z.unknown()),
});
export type ProblemDocument = z.infer<typeof ProblemDocument>;
