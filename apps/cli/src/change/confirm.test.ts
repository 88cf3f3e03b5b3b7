import { sampleBatch, sampleChange } from "@evenkeel/client/text/sample-change";
import type { BatchView, Change } from "@evenkeel/contracts/change";
import { afterEach, expect, test } from "vitest";
import { type Bed, type Routes, startBed, value } from "../test-bed.ts";

let bed: Bed;
afterEach(() => bed.close());

function apiOf(changes: readonly Change[]): Routes {
  const each = changes.flatMap((change) => [
    [`GET /changes/${change.id}`, () => value(change)] as const,
    [`POST /changes/${change.id}/confirm`, () => value(change)] as const,
  ]);
  return Object.fromEntries(each);
}

const bodies = () => bed.asked.filter(({ method }) => method === "POST").map(({ path, body }) => [path, body]);

const twoZones = (states: readonly [BatchView["state"], BatchView["state"]]) =>
  sampleChange(
    "running",
    states.map((state, index) => ({
      ...sampleBatch("batch 2", state, []),
      ...{ batchId: `${["zone a", "zone b"][index]}/2`, gate: "start" as const },
      allowedActions: state === "pending" || state === "awaiting-confirmation" ? ["confirm" as const] : [],
    })),
    { allowedActions: ["confirm", "pause"] },
  );

test("a name that batches of several groups have means the one that may be confirmed, and never one of two", async () => {
  const [both, one] = [twoZones(["awaiting-confirmation", "awaiting-confirmation"]), twoZones(["running", "pending"])];
  bed = await startBed(apiOf([both, one]));
  const { stderr } = await bed.run(["change", "confirm", both.id, "batch 2"]);
  expect(stderr).toContain('batch 2 may mean "zone a/2" or "zone b/2"');
  await bed.run(["change", "confirm", both.id, "zone b/2"]);
  await bed.run(["change", "confirm", one.id, "batch 2"]);
  expect(bodies()).toEqual([
    [`/changes/${both.id}/confirm`, { batchIds: ["zone b/2"] }],
    [`/changes/${one.id}/confirm`, { batchIds: ["zone b/2"] }],
  ]);
});

test("confirm while no batch waits names those that can be confirmed ahead of time, and so does the list of actions", async () => {
  const change = twoZones(["running", "pending"]);
  bed = await startBed(apiOf([change]));
  const { stderr } = await bed.run(["change", "confirm", change.id]);
  expect(stderr).toMatch(/BATCH_NOT_WAITING/);
  expect(stderr).toContain('"zone b/2"');
  expect((await bed.run(["change", "show", change.id])).stdout).toMatch(/change confirm \w+ "zone b\/2" /);
  expect(bodies()).toEqual([]);
});
