import type { Change, TargetView } from "@evenkeel/contracts/change";
import type { Instance } from "@evenkeel/contracts/service";
import { expect, test } from "vitest";
import type { TourRelease, TourSummary } from "./summary.ts";
import { type Seen, type Standing, whatWasNotAsTold } from "./verdict.ts";

const release = (version: string, state: string, sizes: readonly number[]): TourRelease => ({
  application: "hello",
  ...{ version, state, changeId: "chg_1", durationMs: 1000 },
  batches: sizes.map((size) => ({
    name: "batch",
    state: "succeeded",
    hosts: Array.from({ length: size }, (_, index) => `local-${index}`),
    fromMs: 0,
    toMs: 1,
  })),
});

const requests: TourSummary["requests"] = {
  ...{ total: 4000, failed: 0, perSecond: 220, byVersion: { "1.0.0": 2000, "2.0.0": 2000 } },
  ...{ before: { p50Ms: 1, p99Ms: 3 }, during: {}, failures: [] },
};

const target = (name: string, state: TargetView["state"], ran: boolean) =>
  ({
    ...{ name, state, problem: null },
    steps: [
      { phase: "stage", state: "succeeded" },
      { phase: "run", state: ran ? "failed" : "pending" },
    ],
  }) as unknown as TargetView;

const instance = (hostName: string, pid: number) =>
  ({
    ...{ hostName, pid, letter: "a", port: 20_000, revisionId: "rev_2", packageVersion: "2.0.0" },
    ...{ state: "healthy", traffic: "attached", restarts: 0 },
  }) as unknown as Instance;

const standing: Standing = { instances: [instance("local-1", 1), instance("local-2", 2)], routes: [] };

function seen(): Seen {
  const change = {
    groups: [
      {
        batches: [
          { state: "failed", targets: [target("local-1", "failed", true)] },
          { state: "pending", targets: [target("local-2", "staged", false)] },
        ],
      },
    ],
  } as unknown as Change;
  const cause = { host: "local-1", code: "HEALTH_TIMEOUT", title: "Not healthy within 8 s: it answers 500." };
  const rollback = { changeId: "chg_2", state: "succeeded", durationMs: 10 };
  return {
    hosts: 4,
    releases: [
      release("1.0.0", "succeeded", [4]),
      release("2.0.0", "succeeded", [1, 1, 2]),
      { ...release("3.0.0", "rolled-back", [1, 1, 2]), cause, rollback },
    ],
    requests,
    broken: { change, before: standing, after: standing },
  };
}

test("nothing is complained of when all went as told", () => {
  expect(whatWasNotAsTold(seen())).toEqual([]);
});

test("a single failed request is not as told", () => {
  expect(whatWasNotAsTold({ ...seen(), requests: { ...requests, failed: 1 } })).toEqual(["1 of 4000 requests failed"]);
});

test("a load below 200 requests a second, or an answer of the broken version, is not as told", () => {
  const byVersion = { ...requests.byVersion, "3.0.0": 2 };
  expect(whatWasNotAsTold({ ...seen(), requests: { ...requests, perSecond: 150, byVersion } })).toEqual([
    "the load was 150 requests/s, less than 200",
    "the broken 3.0.0 answered 2 requests",
  ]);
});

test("a process on another host that was replaced during the broken release is found", () => {
  const after = { ...standing, instances: [instance("local-1", 1), instance("local-2", 77)] };
  const broken = { ...seen().broken, before: standing, after } as Seen["broken"];
  expect(whatWasNotAsTold({ ...seen(), broken })).toEqual([
    expect.stringContaining("the broken release touched the instance on local-2"),
  ]);
});

test("a step that ran on a host behind the beta is found", () => {
  const { broken } = seen();
  broken?.change.groups[0]?.batches[1]?.targets.push(target("local-3", "running", true));
  expect(whatWasNotAsTold({ ...seen(), broken })).toContain("the broken release ran a step on local-3");
});

test("a broken release without a cause, or that was not rolled back, is not as told", () => {
  const [first, second, third] = seen().releases as [TourRelease, TourRelease, TourRelease];
  const { cause: _, rollback: __, ...bare } = third;
  expect(whatWasNotAsTold({ ...seen(), releases: [first, second, { ...bare, state: "failed" }] })).toEqual([
    "3.0.0 ended as failed, not as rolled-back",
    "its rollback ended as none",
    "the cause was not named: no cause",
  ]);
});

test("a release that never happened is not as told", () => {
  expect(whatWasNotAsTold({ ...seen(), releases: [] })).toEqual([
    "1.0.0 was not released",
    "2.0.0 was not released",
    "3.0.0 was not released",
  ]);
});
