import { expect, test } from "vitest";
import { mayDo } from "./principal.ts";

test.each([
  [["*:*"], "change:start", true],
  [["*:*"], "*:*", true],
  [["change:*"], "change:start", true],
  [["change:*"], "change:*", true],
  [["*:read"], "host:read", true],
  [["*:read"], "host:delete", false],
  [["change:start"], "change:*", false],
  [["change:start"], "*:start", false],
  [["change:start", "host:read"], "host:read", true],
  [["lock:take-over"], "lock:take", false],
  [[], "host:read", false],
])("%j covers %s: %s", (patterns, permission, covered) => {
  expect(mayDo(patterns, permission)).toBe(covered);
});
