import { ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import { describe, expect, test } from "vitest";
import {
  type ActionFacts,
  allowedActions,
  CHANGE_ARROWS,
  instead,
  mayGo,
  STEP_ARROWS,
  TARGET_ARROWS,
} from "./state.ts";

const everything: Omit<ActionFacts, "state"> = {
  isRollback: false,
  hasUnconfirmed: true,
  hasRetryable: true,
  hasSkippable: true,
  hasUnknownStep: true,
  hasBetween: false,
  noInverse: null,
};

describe("the arrows", () => {
  test("nothing leaves a terminal state", () => {
    for (const state of ChangeState.options.filter(isTerminal)) expect(CHANGE_ARROWS[state]).toEqual([]);
  });

  test("a started change that has not ended can always be closed: no state is a trap", () => {
    const started: ChangeState[] = [
      "running",
      "awaiting-confirmation",
      "pausing",
      "paused",
      "failed",
      "cancelling",
      "rolling-back",
    ];
    for (const state of started) {
      expect(mayGo(CHANGE_ARROWS, state, "closed")).toBe(true);
      expect(allowedActions({ ...everything, state })).toContain("close");
    }
  });

  test("a rolled-back change ends only through its rollback", () => {
    expect(CHANGE_ARROWS["rolling-back"]).toEqual(["rolled-back", "failed", "closed"]);
    expect(allowedActions({ ...everything, state: "rolling-back" })).toEqual(["declare-lost", "close"]);
  });

  test("a retry is a new attempt: no arrow leads from an ended step anywhere", () => {
    for (const state of ["succeeded", "failed", "timed-out", "interrupted", "revoked", "skipped"] as const) {
      expect(STEP_ARROWS[state]).toEqual([]);
    }
  });

  test("a succeeded target stays so", () => {
    expect(TARGET_ARROWS.succeeded).toEqual([]);
  });
});

describe("the verbs that are offered", () => {
  test("a rollback cannot be rolled back before it has ended", () => {
    expect(allowedActions({ ...everything, state: "running", isRollback: true })).not.toContain("rollback");
    expect(allowedActions({ ...everything, state: "succeeded", isRollback: true })).toContain("rollback");
  });

  test("what has no inverse offers no rollback", () => {
    expect(allowedActions({ ...everything, state: "running", noInverse: "it is a restart" })).not.toContain("rollback");
  });

  test("cancel is not offered where a failed target stands between old and new", () => {
    expect(allowedActions({ ...everything, state: "failed" })).toContain("cancel");
    expect(allowedActions({ ...everything, state: "failed", hasBetween: true })).not.toContain("cancel");
    expect(allowedActions({ ...everything, state: "running", hasBetween: true })).toContain("cancel");
  });

  test("verbs without an object are not offered", () => {
    const bare = { hasUnconfirmed: false, hasRetryable: false, hasSkippable: false, hasUnknownStep: false };
    expect(allowedActions({ ...everything, ...bare, state: "paused" })).toEqual([
      "resume",
      "cancel",
      "rollback",
      "close",
    ]);
  });
});

test("what is refused is told with what opens the way to it", () => {
  const facts = {
    state: "awaiting-confirmation",
    isRollback: false,
    hasUnconfirmed: true,
    hasRetryable: false,
    hasSkippable: true,
    hasUnknownStep: false,
    hasBetween: false,
    noInverse: null,
  } as const;
  expect(instead("skip", facts)).toEqual(["confirm", "pause (then skip)", "cancel", "rollback", "close"]);
  expect(instead("skip", { ...facts, state: "pausing" })[0]).toBe("skip as soon as it is paused");
  expect(instead("pause", { ...facts, state: "planned" })).toContain("start (then pause)");
  expect(instead("skip", { ...facts, hasSkippable: false })).toContain("pause");
  expect(instead("start", { ...facts, state: "rolled-back" })).toEqual([]);
});

describe("no state is a trap, whatever is known of the change", () => {
  /** Every combination of facts. */
  const combinations = Array.from({ length: 128 }, (_, bits): Omit<ActionFacts, "state"> => {
    const on = (bit: number) => (bits & (1 << bit)) !== 0;
    return {
      isRollback: on(0),
      hasUnconfirmed: on(1),
      hasRetryable: on(2),
      hasSkippable: on(3),
      hasUnknownStep: on(4),
      hasBetween: on(5),
      noInverse: on(6) ? "none" : null,
    };
  });
  const open = ChangeState.options.filter((state) => !isTerminal(state));
  /** Of the verbs that a state offers those that end it or bring it on without anything else being there first. */
  const OUT = ["start", "replan", "approve", "reject", "cancel", "confirm", "resume", "close"];

  test.each(open)("%s always offers a verb that leads on", (state) => {
    for (const facts of combinations) {
      const offered = allowedActions({ state, ...facts });
      expect([JSON.stringify(facts), offered.filter((action) => OUT.includes(action))]).not.toEqual([
        JSON.stringify(facts),
        [],
      ]);
    }
  });

  test.each(open)("from %s an end is reached by its arrows", (state) => {
    const reached = new Set<ChangeState>([state]);
    for (const from of reached) for (const to of CHANGE_ARROWS[from]) reached.add(to);
    expect([...reached].some(isTerminal)).toBe(true);
  });
});
