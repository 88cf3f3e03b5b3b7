import type { ChangeSummary } from "@evenkeel/contracts/change";
import { expect, test } from "vitest";
import { withTold } from "./told-changes.ts";

const change = (id: string, state: string, kind = "release-order"): ChangeSummary =>
  ({ id: `chg_${id}`, state, kind }) as unknown as ChangeSummary;
const shown = (changes: readonly ChangeSummary[]): string[] => changes.map(({ id, state }) => `${id} ${state}`);

const READ = [change("4", "running"), change("2", "succeeded")];

test("a list of changes shows how they stand now, and those that have come since it was read first", () => {
  const told = [change("5", "planned"), change("4", "failed"), change("3", "closed")];
  expect(shown(withTold(READ, told, {}))).toEqual(["chg_5 planned", "chg_4 failed", "chg_2 succeeded"]);
});

test("what has come and does not fit the filter stays away", () => {
  const told = [change("7", "failed", "route-change"), change("6", "failed"), change("5", "planned")];
  expect(shown(withTold([], told, { state: "failed", kind: "release-order" }))).toEqual(["chg_6 failed"]);
});
