import type { ChangeState } from "@evenkeel/contracts/change-state";
import { ChangeId, newId } from "@evenkeel/contracts/id";
import { describe, expect, test } from "vitest";
import { decide } from "./decide.ts";
import { allAway, allLost, hosts, NAMES, short, snapshotOf, type World } from "./simulate/testing.ts";
import type { HostView } from "./snapshot.ts";

const decided = (world: World, view: HostView = hosts) => decide(snapshotOf(world), view).map(short);
const staged = { h1: "staged", h2: "staged", h3: "staged", h4: "staged" } as const;
const fetched = NAMES.map((name) => [name, "fetch", "succeeded"] as const);

describe("staging", () => {
  test("begins on all targets at once, before any batch", () => {
    expect(decided({})).toEqual([
      "h1=staging",
      "h1:fetch",
      "h2=staging",
      "h2:fetch",
      "h3=staging",
      "h3:fetch",
      "h4=staging",
      "h4:fetch",
    ]);
  });

  test("no batch begins while one target is still being staged", () => {
    const targets = { ...staged, h4: "staging" } as const;
    const steps = [...fetched.slice(0, 3), ["h4", "fetch", "running"]] as const;
    expect(decided({ targets, steps })).toEqual([]);
  });

  test("a target that fails while staging counts against the budget, and no batch begins", () => {
    const targets = { ...staged, h4: "failed" } as const;
    expect(decided({ targets, steps: [...fetched.slice(0, 3), ["h4", "fetch", "failed"]] })).toEqual([
      "change pausing",
    ]);
  });
});

describe("batches", () => {
  test("the first begins when all is staged", () => {
    expect(decided({ targets: staged, steps: fetched })).toEqual(["g/1 started"]);
  });

  test("only targets of a begun batch take a step", () => {
    const batches = { "g/1": { started: true } };
    expect(decided({ targets: staged, steps: fetched, batches })).toEqual(["h1=running", "h1:stop"]);
  });

  test("a batch waits until every target of the previous one has ended", () => {
    const strategy = { batches: { by: "zone" } };
    const batches = { "g/1": { started: true } };
    const targets = { ...staged, h1: "succeeded", h2: "running" } as const;
    const steps = [...fetched, ["h2", "stop", "running"]] as const;
    expect(decided({ strategy, targets, steps, batches })).toEqual([]);
  });

  test("a batch bakes before it is finished, the last included", () => {
    const strategy = { batches: "all", bakeSeconds: 10 };
    const targets = { h1: "succeeded", h2: "succeeded", h3: "succeeded", h4: "succeeded" } as const;
    expect(decided({ strategy, targets, batches: { "g/1": { started: true, bakedMs: 9999 } } })).toEqual([]);
    expect(decided({ strategy, targets, batches: { "g/1": { started: true, bakedMs: 10_000 } } })).toEqual([
      "g/1 finished",
    ]);
  });

  test("a gate that nobody confirmed makes the change wait, one that was confirmed ahead does not", () => {
    const strategy = { batches: "each", confirm: "first" };
    const targets = { ...staged, h1: "succeeded" } as const;
    const done = { "g/1": { started: true, finished: true } };
    expect(decided({ strategy, targets, steps: fetched, batches: done })).toEqual(["change awaiting-confirmation"]);
    const ahead = { ...done, "g/2": { confirmed: true } };
    expect(decided({ strategy, targets, steps: fetched, batches: ahead })).toEqual(["g/2 started"]);
  });
});

describe("failure", () => {
  const batches = { "g/1": { started: true } };
  const targets = { ...staged, h1: "failed" } as const;
  const steps = [...fetched, ["h1", "start", "failed"]] as const;

  test("the first failed target stops the change, as the default budget says", () => {
    expect(decided({ targets, steps, batches })).toEqual(["change pausing"]);
  });

  test("with budget action `rollback` the change rolls back, a rollback itself only stops", () => {
    const strategy = { batches: "each", budget: { failures: 0, action: "rollback" } };
    expect(decided({ strategy, targets, steps, batches })).toEqual(["change rolling-back"]);
    expect(decided({ strategy, targets, steps, batches, more: { isRollback: true } })).toEqual(["change pausing"]);
  });

  test("with budget action `continue` it runs to its end and is then failed", () => {
    const strategy = { batches: "each", budget: { failures: 0, action: "continue" } };
    expect(decided({ strategy, targets, steps, batches })).toEqual(["g/1 finished"]);
    const ended = { h1: "failed", h2: "succeeded", h3: "succeeded", h4: "succeeded" } as const;
    const finished = Object.fromEntries([1, 2, 3, 4].map((n) => [`g/${n}`, { started: true, finished: true }]));
    expect(decided({ strategy, targets: ended, steps, batches: finished })).toEqual(["change failed"]);
  });

  test("a change whose targets are all offline is not a success", () => {
    const offline = { h1: "offline", h2: "offline", h3: "offline", h4: "offline" } as const;
    const finished = Object.fromEntries([1, 2, 3, 4].map((n) => [`g/${n}`, { started: true, finished: true }]));
    expect(decided({ targets: offline, batches: finished })).toEqual(["change failed"]);
  });
});

describe("hosts that are away", () => {
  const batches = { "g/1": { started: true } };

  test("one that the plan says is away is left out at once, except of a rollback: that waits as long as for any host", () => {
    const { plan, ...rest } = snapshotOf({});
    const away = { ...plan, targets: plan.targets.map((target) => ({ ...target, online: false })) };
    const leftOut = NAMES.map((name) => `${name}=offline`);
    const decidedFor = (isRollback: boolean, view: HostView) =>
      decide({ ...rest, plan: away, isRollback }, view).map(short);
    expect(decidedFor(false, allAway)).toEqual(leftOut);
    expect(decidedFor(true, allAway)).toEqual([]);
    expect(decidedFor(true, allLost)).toEqual(leftOut);
  });

  test("one that has nothing to stage keeps nobody from beginning, and its own step waits until it is back", () => {
    const { plan, ...rest } = snapshotOf({ strategy: { batches: "all" } });
    const bare = { ...plan, targets: plan.targets.map((target) => ({ ...target, stage: [] })) };
    const firstAway = plan.targets[0]?.hostId;
    const view: HostView = { away: (hostId) => hostId === firstAway, lost: () => false };
    expect(decide({ ...rest, plan: bare }, view).map(short)).toEqual(NAMES.map((name) => `${name}=staged`));
    const begun = { ...snapshotOf({ strategy: { batches: "all" }, targets: staged, batches }), plan: bare };
    expect(decide(begun, view).filter(({ kind }) => kind === "dispatch").length).toBe(NAMES.length - 1);
    expect(decide({ ...rest, plan: bare }, allLost).map(short)).toEqual(NAMES.map((name) => `${name}=offline`));
  });

  test("a step in hand is unknown only after the grace, and its target with it", () => {
    const world = {
      targets: { ...staged, h1: "running" } as const,
      steps: [...fetched, ["h1", "stop", "running"]] as const,
      batches,
    };
    expect(decided(world, allAway)).toEqual([]);
    expect(decided(world, allLost)).toContain("step unknown");
  });

  test("a target that was never touched is offline, one in the middle is interrupted", () => {
    expect(decided({ targets: staged, steps: fetched, batches }, allLost)).toContain("h1=offline");
    const steps = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ targets: { ...staged, h1: "running" }, steps, batches }, allLost)).toContain("h1=interrupted");
  });

  test("one that has begun is interrupted, also where its first step was taken back in time", () => {
    const steps = [...fetched, ["h1", "stop", "revoked"]] as const;
    expect(decided({ targets: { ...staged, h1: "running" }, steps, batches }, allLost)).toContain("h1=interrupted");
  });

  test("a late outcome is recorded, and what was left between is interrupted", () => {
    const steps = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ state: "failed", targets: { ...staged, h1: "unknown" }, steps, batches })).toEqual([
      "h1=interrupted",
    ]);
  });
});

describe("pausing", () => {
  const batches = { "g/1": { started: true } };

  test("what nobody has heard of since its host went away is called back too, and nobody waits for the answer", () => {
    const steps = [...fetched, ["h1", "stop", "unknown"]] as const;
    const world = { state: "pausing", targets: { ...staged, h1: "unknown" }, steps, batches } as const;
    expect(decided(world, allLost)).toContain("revoke stop");
  });
  const targets = { ...staged, h1: "running" } as const;

  test("by default the targets in hand go on to their end, and no other begins", () => {
    const steps = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ state: "pausing", targets, steps, batches })).toEqual(["h1:start"]);
  });

  test("with `now` only the steps in hand end; what had not started is revoked", () => {
    const more = { pauseMode: "steps" as const };
    const dispatched = [...fetched, ["h1", "stop", "dispatched"]] as const;
    expect(decided({ state: "pausing", targets, steps: dispatched, batches, more })).toEqual(["revoke stop"]);
    const ended = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ state: "pausing", targets, steps: ended, batches, more })).toEqual(["change paused"]);
  });

  test("a pause by the budget ends as failed", () => {
    const more = { pauseCause: "budget" as const };
    expect(decided({ state: "pausing", targets: { ...staged, h1: "failed" }, steps: fetched, batches, more })).toEqual([
      "change failed",
    ]);
  });

  test("nothing begins while it is paused", () => {
    expect(decided({ state: "paused", targets, steps: fetched, batches })).toEqual([]);
  });
});

describe("cancel and rollback", () => {
  const batches = { "g/1": { started: true } };

  test("cancel finishes the target in hand, then cleans what was only staged", () => {
    const targets = { ...staged, h1: "running" } as const;
    const steps = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ state: "cancelling", targets, steps, batches })).toEqual(["h1:start"]);
    const done = { ...staged, h1: "succeeded" } as const;
    expect(decided({ state: "cancelling", targets: done, steps: fetched, batches })).toEqual([
      "h2:sweep",
      "h3:sweep",
      "h4:sweep",
    ]);
  });

  test("cancel begins nothing on a host that is away, and takes back what has not started there", () => {
    const targets = { ...staged, h1: "running" } as const;
    const stopped = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ state: "cancelling", targets, steps: stopped, batches }, allAway)).toEqual(["h1=interrupted"]);
    const sent = [...fetched, ["h1", "stop", "dispatched"]] as const;
    expect(decided({ state: "cancelling", targets, steps: sent, batches }, allAway)).toEqual(["revoke stop"]);
    const begun = [...fetched, ["h1", "stop", "running"]] as const;
    expect(decided({ state: "cancelling", targets, steps: begun, batches }, allAway)).toEqual([]);
    const between = { ...targets, h1: "interrupted" } as const;
    expect(decided({ state: "cancelling", targets: between, steps: stopped, batches }, allAway)).toEqual([
      "change failed",
    ]);
  });

  test("a rollback begins when nothing is in hand any more", () => {
    const targets = { ...staged, h1: "running" } as const;
    const running = [...fetched, ["h1", "stop", "running"]] as const;
    expect(decided({ state: "rolling-back", targets, steps: running, batches })).toEqual([]);
    const ended = [...fetched, ["h1", "stop", "succeeded"]] as const;
    expect(decided({ state: "rolling-back", targets, steps: ended, batches })).toEqual(["begin-rollback"]);
  });

  test("the old change is rolled back when its rollback has succeeded, closed when that was closed, and waits otherwise", () => {
    const rollback = (state: ChangeState) => ({ more: { rollback: { id: newId(ChangeId, "chg"), state } } });
    expect(decided({ state: "rolling-back", ...rollback("succeeded") })).toEqual(["change rolled-back"]);
    expect(decided({ state: "rolling-back", ...rollback("closed") })).toEqual(["change closed"]);
    expect(decided({ state: "rolling-back", ...rollback("failed") })).toEqual([]);
  });
});
