import { ChangeId, newId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { NAMES, snapshotOf } from "../simulate/testing.ts";
import type { ChangeRows } from "../store/snapshot.ts";
import { blockersOf } from "./blockers.ts";

const id = newId(ChangeId, "chg");
const since = "2026-01-01T00:00:00.000Z";

test("of several groups those batches wait whose turn it is, each by a name that stands once and can be typed as printed", () => {
  const strategy = { batches: "each", confirm: [1] };
  const snapshot = snapshotOf({
    state: "awaiting-confirmation",
    groups: [
      { groupId: "zone a", after: [], strategy, names: NAMES.slice(0, 1) },
      { groupId: "zone-b", after: [], strategy, names: NAMES.slice(1, 2) },
      { groupId: "last", after: ["zone a"], strategy, names: NAMES.slice(2) },
    ],
  });
  const change = { id, state: "awaiting-confirmation", state_since: since, started_at: since, finished_at: null };
  const rows = { change, steps: [], targets: [] } as unknown as ChangeRows;
  const given = { mayTakeOver: false, mayEmergency: false, judgement: null, conflict: null, away: new Set<never>() };
  const found = blockersOf({ rows, snapshot, actions: ["confirm"], ...given });
  expect(found.map(({ problem, actions }) => [problem.facts.change, actions])).toEqual([
    ["zone a/1", [`change confirm ${id} "zone a/1"`]],
    ["zone-b/1", [`change confirm ${id} zone-b/1`]],
  ]);
});
