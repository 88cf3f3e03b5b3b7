import { ChangeId, newId, RevisionId } from "@evenkeel/contracts/id";
import { releasesOf } from "@evenkeel/contracts/release-order";
import { describe, expect, test } from "vitest";
import type { TouchedTarget } from "../change/index.ts";

import { empty, everywhere, hostNamed, old, planned, running, spec, steps, wayBack } from "./testing.ts";

describe("the inverse", () => {
  const strategy = {
    beta: 1,
    batches: { by: "zone" },
    bakeSeconds: 5,
    confirm: "each",
    budget: { failures: 0, action: "rollback" },
  };
  const plan = planned(spec({ strategy }), everywhere);
  const touched = plan.targets
    .slice(0, 2)
    .map((target): TouchedTarget => ({ ...target, state: "failed", currentFacts: {} }));
  const inverse = (speed: "follow" | "fast", toRevision: RevisionId | null = null) =>
    wayBack(plan, touched, { changeId: newId(ChangeId, "chg"), speed, strategy: null, toRevision });
  const strategyOf = (speed: "follow" | "fast") => releasesOf(inverse(speed))[0]?.strategy;

  test("brings exactly the touched targets back to what ran there", () => {
    const order = inverse("fast");
    expect("restore" in order ? order.restore.targets : null).toEqual([
      { hostId: hostNamed("local-1").id, revisionId: old },
      { hostId: hostNamed("local-2").id, revisionId: old },
    ]);
  });

  test("`fast` takes all at once, `follow` the batches of the release; neither rolls back again by itself", () => {
    expect(strategyOf("fast")).toMatchObject({ batches: "all", bakeSeconds: 0, confirm: "none" });
    expect(strategyOf("follow")).toMatchObject({
      beta: 1,
      batches: { by: "zone" },
      bakeSeconds: 5,
      confirm: "each",
    });
    expect([strategyOf("fast")?.budget.action, strategyOf("follow")?.budget.action]).toEqual(["stop", "stop"]);
  });

  test("in mid-release it keeps the old instance that still serves, and takes the new one away", () => {
    const host = hostNamed("local-1");
    const world = running([
      { host },
      { host, letter: "b", revisionId: newId(RevisionId, "rev"), state: "crash-loop", attached: false },
    ]);
    const restore = planned(inverse("fast"), world);
    expect(steps(restore, "local-1")).toEqual([
      "start-instance a",
      "await-health a",
      "shift-traffic a",
      "await-drained b",
      "stop-instance b",
    ]);
  });

  test("of a first release takes the instances away", () => {
    const first = planned(spec(), empty);
    const order = wayBack(
      first,
      first.targets.slice(0, 1).map((target): TouchedTarget => ({ ...target, state: "failed", currentFacts: {} })),
      { changeId: newId(ChangeId, "chg"), speed: "fast", strategy: null, toRevision: null },
    );
    const world = { ...running([{ host: hostNamed("local-1") }]), revisions: new Map() };
    expect(steps(planned(order, world), "local-1")).toEqual(["detach a", "await-drained a", "stop-instance a"]);
  });

  test("brings the definition of the revision back, without the hosts and parameters that people edited meanwhile", () => {
    const moved = { ...everywhere.service!.definition, start: "node other.js", hosts: ["local-1"] };
    const world = { ...everywhere, service: { ...everywhere.service!, definition: moved } };
    const [settle] = planned(inverse("fast"), world).closing;
    expect(settle?.input).toMatchObject({ adopt: true, definition: { start: "node server.js", hosts: ["local-1"] } });
    expect(settle?.input.definition).not.toHaveProperty("env");
  });
});
