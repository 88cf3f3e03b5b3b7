import { PlatformError } from "@evenkeel/contracts/error";
import type { z } from "zod";

/** Checks a reply. Fields that a newer control plane has added are left out: versions n and n + 1 may meet. */
export function parseReply(schema: z.ZodType, text: string, url: string): unknown {
  const value = parseJson(text, url);
  for (;;) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const removed = parsed.error.issues.map((issue) => issue.code === "unrecognized_keys" && removeKeys(value, issue));
    if (removed.every(Boolean)) continue;
    const first = parsed.error.issues.find((issue) => issue.code !== "unrecognized_keys");
    const problem = `${first?.path.join(".") ?? ""}: ${first?.message ?? "it does not fit"}`;
    throw new PlatformError("REPLY_NOT_UNDERSTOOD", { url, problem });
  }
}

function parseJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PlatformError("REPLY_NOT_UNDERSTOOD", { url, problem: "it is not JSON" });
  }
}

function removeKeys(value: unknown, issue: { path: PropertyKey[]; keys: string[] }): boolean {
  let holder = value as Record<PropertyKey, unknown>;
  for (const step of issue.path) holder = holder[step] as Record<PropertyKey, unknown>;
  for (const key of issue.keys) delete holder[key];
  return issue.keys.length > 0;
}
