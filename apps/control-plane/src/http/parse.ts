import { PlatformError } from "@evenkeel/contracts/error";
import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/** Parses one part of a request; a refusal names the field. */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw inputError(parsed.error.issues);
}

/** Parses the query of a request; what the address does not take is refused with what it takes. */
export function parseQuery(schema: z.ZodObject | undefined, value: unknown): unknown {
  const known = Object.keys(schema?.shape ?? {});
  const unknown = Object.keys(value ?? {}).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const takes = known.length === 0 ? "no query" : known.join(", ");
    throw new PlatformError("INPUT_UNKNOWN_PARAMETER", { field: unknown.join(", "), known: takes });
  }
  return schema === undefined ? undefined : parseInput(schema, value);
}

/** The error of input that does not fit: an unknown field before anything else, for it is mostly a slip of the pen. */
export function inputError(issues: readonly Issue[]): PlatformError {
  const flat = issues.flatMap((issue) => flatten(issue, []));
  const unknown = flat.find((issue) => issue.code === "unrecognized_keys");
  if (unknown?.code === "unrecognized_keys") {
    const fields = unknown.keys.map((key) => [...unknown.path, key].join("."));
    return new PlatformError("INPUT_UNKNOWN_FIELD", { field: fields.join(", ") });
  }
  const problems = flat.map((issue) => ({ field: issue.path.join("."), message: said(issue) }));
  const problem = problems.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; ");
  return new PlatformError("INPUT_INVALID", { problem, field: problems[0]?.field ?? "", problems });
}

/** What the library says of a field that is not there, or of a number that is none, is about JavaScript. */
function said({ path, message }: Issue): string {
  if (message.endsWith("received undefined") && path.length > 0) return "is missing";
  return message.replace(/, received NaN$/, "");
}

/** Of a union, the branch that came closest speaks: the one whose first problem lies deepest, then with the fewest problems. */
function flatten(issue: Issue, prefix: PropertyKey[]): Issue[] {
  const path = [...prefix, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ ...issue, path } as Issue];
  const branches = issue.errors.map((branch) => branch.flatMap((inner) => flatten(inner as Issue, path)));
  const closest = branches.toSorted((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
  // All branches fail at the union itself: only the union can say what it takes.
  return closest === undefined || depth(closest) <= path.length ? [{ ...issue, path } as Issue] : closest;
}

function depth(issues: readonly Issue[]): number {
  return Math.min(...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)));
}
