import { problemOf } from "@evenkeel/contracts/error";
import { describe, expect, test } from "vitest";
import { retryOf } from "./retry.ts";
import { snapshotFacts } from "./show/actions.ts";
import { snapshotOf, type World } from "./simulate/testing.ts";

const begun = { "g/1": { started: true } };
const again = (world: World, code?: "REVISION_NOT_STAGED") => {
  const snapshot = snapshotOf(world);
  const target = snapshot.targets.get("h1")!;
  const problem = code === undefined ? target.problem : problemOf(code, {});
  return retryOf(snapshot, snapshot.plan.targets[0]!, { ...target, problem });
};

describe("a lost target is tried again", () => {
  test("from the step that was lost, or from the one that this step names", () => {
    const stopped = [
      ["h1", "fetch", "succeeded"],
      ["h1", "stop", "failed"],
    ] as const;
    expect(again({ targets: { h1: "failed" }, steps: stopped, batches: begun })).toEqual({
      fromIndex: 1,
      to: "running",
    });
    const started = [
      ["h1", "fetch", "succeeded"],
      ["h1", "stop", "succeeded"],
      ["h1", "start", "failed"],
    ] as const;
    expect(again({ targets: { h1: "failed" }, steps: started, batches: begun })).toEqual({
      fromIndex: 1,
      to: "running",
    });
  });

  test("from the beginning where its bits are gone", () => {
    const steps = [
      ["h1", "fetch", "succeeded"],
      ["h1", "stop", "failed"],
    ] as const;
    const lost = { targets: { h1: "failed" }, steps, batches: begun } as const;
    expect(again(lost, "REVISION_NOT_STAGED")).toEqual({ fromIndex: 0, to: "staging" });
  });

  test("and waits for its batch, where that has not begun", () => {
    const steps = [["h1", "fetch", "succeeded"]] as const;
    const lost = { targets: { h1: "interrupted" }, steps } as const;
    expect(again(lost)).toEqual({ fromIndex: 1, to: "staging" });
    expect(again({ ...lost, batches: begun })).toEqual({ fromIndex: 1, to: "running" });
  });
});

test("a change that failed without a loss may go on, unless all of it was left out", () => {
  const mayRetry = (world: World) => snapshotFacts(snapshotOf({ state: "failed", ...world })).hasRetryable;
  const done = { h1: "succeeded", h2: "succeeded", h3: "succeeded", h4: "succeeded" } as const;
  expect(mayRetry({ targets: done })).toBe(true);
  expect(mayRetry({ targets: { ...done, h4: "running" } })).toBe(true);
  expect(mayRetry({ targets: { ...done, h4: "unknown" } })).toBe(false);
  expect(mayRetry({ targets: { h1: "offline", h2: "skipped", h3: "skipped", h4: "offline" } })).toBe(false);
});
