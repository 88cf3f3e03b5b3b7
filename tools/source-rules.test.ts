import { expect, test } from "vitest";
import { findForbiddenSource } from "./source-rules.ts";

const PLAN = "apps/control-plane/src/release-order/plan.ts";

test.each(["Date.now()", "new Date()", "Math.random()", "randomUUID()", "process.env.HOME", "fetch(url)"])(
  "a planner that says %s is refused",
  (text) => {
    expect(findForbiddenSource(PLAN, `const a = 1;\nconst b = ${text};`)).toEqual([
      expect.stringContaining(`${PLAN}:2 says`),
    ]);
  },
);

test("a planner may read a date that it was given, and its test may ask the clock", () => {
  expect(findForbiddenSource(PLAN, "const at = new Date(world.now);")).toEqual([]);
  expect(findForbiddenSource(PLAN.replace(".ts", ".test.ts"), "Date.now()")).toEqual([]);
});

test("the kernel may not say the name of a kind", () => {
  expect(
    findForbiddenSource("apps/control-plane/src/change/advance.ts", 'if (kind === "release-order") go();'),
  ).toEqual([expect.stringContaining("kernel-knows-no-kind")]);
});

test.each(['db.selectFrom("host").selectAll()', 'tx\n  .updateTable("host")', "sql<string>`now()`"])(
  "a query outside of the store is refused: %s",
  (text) => {
    expect(findForbiddenSource("apps/control-plane/src/host/endpoints.ts", text)).toEqual([
      expect.stringContaining("sql-only-in-store"),
    ]);
    for (const path of ["host/store.ts", "host/store/presence.ts", "host/store.test.ts"]) {
      expect(findForbiddenSource(`apps/control-plane/src/${path}`, text)).toEqual([]);
    }
  },
);
