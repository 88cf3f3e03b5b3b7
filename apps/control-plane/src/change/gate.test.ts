import { describe, expect, test } from "vitest";
import { batchState } from "./batch.ts";
import { decide } from "./decide.ts";
import { effectiveGate } from "./gate.ts";
import { mayConfirm } from "./show/actions.ts";
import { allLost, hosts, NAMES, short, snapshotOf, step, type World } from "./simulate/testing.ts";

const strategy = { batches: { size: 2 }, confirm: "each", gate: "traffic" };
const fetched = NAMES.map((name) => [name, "fetch", "succeeded"] as const);
const batches = { "g/1": { started: true } };
const stopped = [...fetched, ["h1", "stop", "succeeded"], ["h2", "stop", "succeeded"]] as const;
const between = { h1: "running", h2: "running", h3: "staged", h4: "staged" } as const;

const decided = (world: World) => decide(snapshotOf({ strategy, batches, ...world }), hosts).map(short);

describe("a gate before traffic", () => {
  test("lets a batch begin and holds its targets before the step that gives traffic", () => {
    expect(decided({ targets: { ...between, h1: "staged", h2: "staged" }, steps: fetched, batches: {} })).toEqual([
      "g/1 started",
    ]);
    const half = [...fetched, ["h1", "stop", "succeeded"], ["h2", "stop", "running"]] as const;
    expect(decided({ targets: between, steps: half })).toEqual([]);
    expect(decided({ targets: between, steps: stopped })).toEqual(["change awaiting-confirmation"]);
  });

  test("opens when a person confirms, also ahead of time", () => {
    const confirmed = { "g/1": { started: true, confirmed: true } };
    expect(decided({ targets: between, steps: stopped, batches: confirmed })).toEqual(["h1:start", "h2:start"]);
  });

  test("shows the batch as waiting, and offers its confirmation until it is finished", () => {
    const at = (world: World) => {
      const snapshot = snapshotOf({ strategy, batches, ...world });
      const group = snapshot.plan.groups[0]!;
      return [batchState(snapshot, group, group.batches[0]!), mayConfirm(snapshot, group.batches[0]!)];
    };
    const half = [...fetched, ["h1", "stop", "succeeded"], ["h2", "stop", "running"]] as const;
    expect(at({ targets: between, steps: half })).toEqual(["running", true]);
    expect(at({ targets: between, steps: stopped })).toEqual(["awaiting-confirmation", true]);
    expect(at({ targets: between, steps: stopped, batches: { "g/1": { started: true, confirmed: true } } })).toEqual([
      "running",
      false,
    ]);
  });

  test("a target that was lost on the way does not keep the others from waiting", () => {
    const budget = { failures: 1 };
    const targets = { ...between, h1: "failed" } as const;
    const steps = [...fetched, ["h1", "stop", "failed"], ["h2", "stop", "succeeded"]] as const;
    expect(decided({ strategy: { ...strategy, budget }, targets, steps })).toEqual(["change awaiting-confirmation"]);
  });

  test("a pause is over when all in hand wait at the gate", () => {
    expect(decided({ state: "pausing", targets: between, steps: stopped })).toEqual(["change paused"]);
  });

  test("cancel gives no traffic that nobody confirmed: the targets stay between, for a person", () => {
    expect(decided({ state: "cancelling", targets: between, steps: stopped })).toEqual([
      "h1=interrupted",
      "h2=interrupted",
    ]);
  });

  test("a host that is lost while it waits there is interrupted once, in a cancel too", () => {
    const snapshot = snapshotOf({ strategy, batches, state: "cancelling", targets: between, steps: stopped });
    expect(decide(snapshot, allLost).map(short)).toEqual([
      "h1=interrupted",
      "h2=interrupted",
      "h3=offline",
      "h4=offline",
    ]);
  });

  test("holds nothing where no target of the batch has such a step", () => {
    expect(effectiveGate("traffic", [{ steps: [step("stop")] }])).toBeNull();
    expect(effectiveGate("traffic", [{ steps: [] }, { steps: [step("shift", { gated: true })] }])).toBe("traffic");
    expect(effectiveGate("start", [{ steps: [] }])).toBe("start");
  });
});

describe("staging", () => {
  const two = { ...strategy, stageAtOnce: 2 };

  test("takes so many targets at once, in the order of the batches", () => {
    expect(decided({ strategy: two, batches: {} })).toEqual(["h1=staging", "h1:fetch", "h2=staging", "h2:fetch"]);
    const order = [{ hosts: ["h4"] }];
    expect(decided({ strategy: { ...two, order }, batches: {} })).toEqual([
      "h1=staging",
      "h1:fetch",
      "h4=staging",
      "h4:fetch",
    ]);
  });

  test("the next takes its turn when one has ended", () => {
    const targets = { h1: "staged", h2: "staging" } as const;
    const steps = [
      ["h1", "fetch", "succeeded"],
      ["h2", "fetch", "running"],
    ] as const;
    expect(decided({ strategy: two, targets, steps, batches: {} })).toEqual(["h3=staging", "h3:fetch"]);
  });

  test("what is to stage again after a retry waits for its turn too", () => {
    const targets = { h1: "staging", h2: "staging", h3: "staging", h4: "staged" } as const;
    const steps = [
      ["h3", "fetch", "running"],
      ["h4", "fetch", "succeeded"],
    ] as const;
    expect(decided({ strategy: two, targets, steps, batches: {} })).toEqual(["h1:fetch"]);
  });

  test("a host that is away takes nobody's turn", () => {
    const snapshot = snapshotOf({ strategy: two, batches: {} });
    const away = snapshot.plan.targets[0]?.hostId;
    const decisions = decide(snapshot, { away: (id) => id === away, lost: () => false }).map(short);
    expect(decisions).toEqual(["h2=staging", "h2:fetch", "h3=staging", "h3:fetch"]);
  });
});
