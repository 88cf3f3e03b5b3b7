import { isRefusal } from "@evenkeel/contracts/error";
import { HostOperationSpec } from "@evenkeel/contracts/host-operation";
import { HostId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { freeze } from "../change/index.ts";
import { hostOperationKind } from "./index.ts";
import { locksOfHostOperation, planHostOperation } from "./plan.ts";
import type { World } from "./world.ts";

const world: World = {
  workspace: { id: newId(WorkspaceId, "wsp"), name: "prod", zones: ["b", "a"] },
  hosts: ["web-2", "web-10", "web-1"].map((name, index) => ({
    id: newId(HostId, "host"),
    name,
    zone: index === 2 ? "b" : "a",
    cell: null,
    version: 1,
    online: name !== "web-10",
  })),
};

function plan(more: Record<string, unknown> = {}) {
  const spec = HostOperationSpec.parse({ workspace: "prod", operation: "probe", ...more });
  const draft = planHostOperation(spec, world);
  return isRefusal(draft) ? draft : freeze("host-operation", draft, locksOfHostOperation(spec, world));
}

test("a probe sends each host of the workspace one command, in the order of zones and names", () => {
  expect(plan({ strategy: { batches: { size: 2 } } })).toMatchObject({
    title: "probe 3 hosts",
    groups: [{ batches: [{ targetIds: ["web-1", "web-2"] }, { targetIds: ["web-10"] }] }],
    targets: [{ steps: [{ type: "no-op", repeatable: true }] }, {}, {}],
    warnings: ["offline, left out: web-10"],
  });
});

test.each([
  [
    ["web-1", "web-2"],
    ["web-1", "web-2"],
  ],
  [{ zones: ["b"] }, ["web-1"]],
  [1, ["web-1"]],
])("a probe goes to the hosts that are chosen by %j", (hosts, expected) => {
  expect(plan({ hosts })).toMatchObject({ groups: [{ batches: [{ targetIds: expected }] }] });
});

test("the hosts of a probe stay for as long as it runs, and other changes may have them too", () => {
  expect(plan()).toMatchObject({ locks: world.hosts.map(() => ({ mode: "shared" })) });
});

test.each([
  [["web-9"], "NOT_FOUND"],
  [{ zones: ["c"] }, "HOSTS_NONE"],
  [["web-10"], "HOSTS_OFFLINE"],
])("a probe of %j is refused", (hosts, code) => {
  expect(plan({ hosts })).toMatchObject({ refused: code });
});

test("a probe says beforehand that it cannot be rolled back", () => {
  const frozen = plan();
  if (isRefusal(frozen)) throw new Error(frozen.refused);
  expect(frozen.irreversible).toContain("nothing to take back");
  const request = { changeId: "chg" as never, speed: "fast", strategy: null, toRevision: null } as const;
  expect(hostOperationKind.kind.inverse(frozen, [], request)).toMatchObject({ refused: "NO_INVERSE" });
});
