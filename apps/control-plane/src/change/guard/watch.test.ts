import { describe, expect, test } from "vitest";
import { decide } from "../decide.ts";
import { hosts, NAMES, short, snapshotOf, type World } from "../simulate/testing.ts";
import type { VerdictSnapshot } from "../snapshot.ts";
import { dueMs, spending } from "./watch.ts";

describe("repeated looks", () => {
  test("spend no more together than one look would, however many there are", () => {
    for (const looks of [1, 4, 50, 10_000]) {
      let sum = spending(looks + 1, true);
      for (let look = 1; look <= looks; look += 1) sum += spending(look, false);
      expect(sum).toBeLessThanOrEqual(1);
    }
  });

  test("come four to a window at first, later once", () => {
    expect([1, 2, 3, 4, 8, 9, 10].map((look) => dueMs(40_000, look) / 1000)).toEqual([10, 20, 30, 40, 80, 120, 160]);
    expect(dueMs(1000, 1)).toBe(2000);
  });
});

const strategy = (...guards: readonly object[]) => ({ batches: "each", guards });
const errors = { kind: "error-rate", action: "rollback", windowSeconds: 8 };
const asks = (more: object) => ({ kind: "http", url: "http://checks.example/", timeoutSeconds: 60, ...more });
const fetched = NAMES.map((name) => [name, "fetch", "succeeded"] as const);
const changed = ["stop", "start"].map((name) => ["h1", name, "succeeded"] as const);
const verdict = (more: Partial<VerdictSnapshot>): VerdictSnapshot => ({
  ...{ batchId: "g/1", guard: 0, when: "after", outcome: null, final: false, looks: 1, asking: false },
  ...{ elapsedMs: 0, statusUrl: null, text: "12 of 300", overruled: false },
  ...more,
});

/** The first host was changed, and its batch has been watched and baked for so long. */
const decided = (guards: readonly object[], verdicts: readonly VerdictSnapshot[] = [], world: World = {}) => {
  const { batches = { "g/1": { started: true, watchedMs: 8000, bakedMs: 8000 } }, more = {}, ...rest } = world;
  const targets = { h1: "succeeded", h2: "staged", h3: "staged", h4: "staged" } as const;
  const steps = [...fetched, ...changed];
  const base = { strategy: strategy(...guards), targets, steps, batches, more: { verdicts, ...more } };
  return decide(snapshotOf({ ...base, ...rest }), hosts).map(short);
};
const kinds = (guards: readonly object[], verdict: Partial<VerdictSnapshot>, more = {}) =>
  decided(guards, [{ ...verdictOf, ...verdict }], { more });
const verdictOf = verdict({});

describe("a batch under guards", () => {
  test("is looked at while it bakes, and once more at its end; it ends when that look passed", () => {
    const young = { batches: { "g/1": { started: true, watchedMs: 1999, bakedMs: 1999 } } };
    expect(decided([errors], [], young)).toEqual([]);
    const older = { batches: { "g/1": { started: true, watchedMs: 2000, bakedMs: 2000 } } };
    expect(decided([errors], [], older)).toEqual(["look g/1 0"]);
    expect(decided([errors], [verdict({})], older)).toEqual([]);
    expect(decided([errors], [verdict({ looks: 3 })])).toEqual(["look g/1 0"]);
    expect(decided([errors], [verdict({ outcome: "pass", final: true })])).toEqual(["g/1 finished"]);
  });

  test("found worse rolls back or pauses, as the guard says; a rollback is only paused, and so is what has no inverse", () => {
    const worse = { outcome: "worse" } as const;
    expect(kinds([errors], worse)).toEqual(["change rolling-back"]);
    expect(kinds([{ ...errors, action: "pause" }], worse)).toEqual(["change pausing"]);
    expect(kinds([errors], worse, { isRollback: true })).toEqual(["change pausing"]);
    const { plan } = snapshotOf({ strategy: strategy(errors) });
    expect(kinds([errors], worse, { plan: { ...plan, irreversible: "a restart" } })).toEqual(["change pausing"]);
  });

  test("that cannot be judged pauses at its end, whatever the guard would do", () => {
    expect(kinds([errors], { outcome: "no-data", final: true })).toEqual(["change pausing"]);
  });

  test("goes on where a person has overruled the verdict", () => {
    for (const outcome of ["worse", "no-data"] as const)
      expect(kinds([errors], { outcome, final: true, overruled: true })).toEqual(["g/1 finished"]);
  });

  test("is not watched before anything in it was changed, nor after it was paused", () => {
    const targets = { h1: "running", h2: "staged", h3: "staged", h4: "staged" } as const;
    expect(decided([errors], [], { targets, steps: [...fetched, ["h1", "stop", "running"]] })).toEqual([]);
    expect(decided([errors], [], { state: "paused" })).toEqual([]);
  });
});

describe("a question to somebody outside", () => {
  const none = { batches: {} };
  const all = { h1: "staged", h2: "staged", h3: "staged", h4: "staged" } as const;
  const before = asks({ when: "before", at: "first" });

  test("is asked before the batch that it is about, and the batch waits for the answer", () => {
    expect(decided([before], [], { ...none, targets: all })).toEqual(["ask g/1 0"]);
    const waits = verdict({ when: "before", asking: true });
    expect(decided([before], [waits], { ...none, targets: all })).toEqual([]);
    const passed = { ...waits, outcome: "pass", final: true } as const;
    expect(decided([before], [passed], { ...none, targets: all })).toEqual(["g/1 started"]);
    expect(decided([asks({ when: "before", at: { nth: 2 } })], [], { ...none, targets: all })).toEqual(["g/1 started"]);
  });

  test("has no answer once its time is over", () => {
    const late = verdict({ when: "before", asking: true, elapsedMs: 60_000 });
    expect(decided([before], [late], { ...none, targets: all })).toEqual(["unanswered g/1 0"]);
  });

  test("about what was done is asked when the batch has baked", () => {
    expect(decided([asks({}), errors])).toEqual(["ask g/1 0", "look g/1 1"]);
    expect(decided([asks({ at: "last" })])).toEqual(["g/1 finished"]);
  });
});
