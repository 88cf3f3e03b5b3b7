import { causesOf } from "@evenkeel/contracts/cause/find-causes";
import { problemOf } from "@evenkeel/contracts/error";
import type { GuardVerdict } from "@evenkeel/contracts/guard";
import { Strategy } from "@evenkeel/contracts/strategy";
import { expect, test } from "vitest";
import { changeLines } from "./change.ts";
import { bytes, duration, type Line, plain, plural } from "./line.ts";
import { changeNews } from "./news.ts";
import { expectedText, planLines } from "./plan.ts";
import { lastOutput } from "./problem.ts";
import {
  at,
  brokenTarget,
  sampleBatch,
  sampleChange,
  samplePlan,
  sampleStep,
  sampleTarget,
  T0,
} from "./sample-change.ts";

const text = (lines: readonly Line[]): string => lines.map((each) => plain(each).trimEnd()).join("\n");
const withId = (lines: readonly Line[], id: string): string => text(lines).replace(id.slice(-8), "ID");

test("what guards have found stands below their batch", () => {
  const verdict: GuardVerdict = {
    ...{ guard: 0, name: "error rate", action: "rollback", when: "after", outcome: "worse", final: false, looks: 2 },
    ...{ text: "2.0.0: 12 of 300 requests failed (4 %), 1.0.0: 0 of 610; p < 0.001", evidence: {}, at: at(3) },
    overruledBy: null,
  };
  const blind: GuardVerdict = {
    ...verdict,
    guard: 1,
    name: "health",
    outcome: "no-data",
    final: true,
    text: "silence",
  };
  const seen: GuardVerdict = { ...blind, overruledBy: "ann" };
  const before = sampleBatch("beta", "baking", []);
  const after = { ...before, guards: [verdict, seen] };
  const change = sampleChange("running", [after]);
  expect(
    text(changeLines(change, { now: T0 + 9000 }))
      .split("\n")
      .slice(2),
  ).toEqual([
    "      ✖ error rate  2.0.0: 12 of 300 requests failed (4 %), 1.0.0: 0 of 610; p < 0.001",
    "      ? health      cannot judge: silence  overruled by ann",
  ]);
  const middle = sampleChange("running", [{ ...before, guards: [blind] }], { id: change.id });
  expect(text(changeNews(middle, change))).toBe(
    text(changeLines(change, { now: T0 }).slice(2)).replaceAll(/^ {2}/gm, ""),
  );
  expect(text(changeNews(change, change))).toBe("");
});

test("a failed step is told with its command, its exit code, its last output and why", () => {
  const output = { head: "reading settings\nKeyError: 'DATABASE_URL'\n", gapBytes: 0, tail: "" };
  const problem = problemOf("START_FAILED", { exit: "exit code 1" });
  const outcome = {
    ...{ kind: "failed" as const, problem, output, exitCode: 1, elapsedMs: 20 },
    evidence: { command: "python3 server.py", emptyParameters: ["LEVEL"] },
  };
  const step = sampleStep("await-health", "failed", { outcome, causes: causesOf(outcome) });
  const target = sampleTarget("local-1", "failed", { problem, steps: [step] });
  const lines = text(changeLines(sampleChange("failed", [sampleBatch("beta", "failed", [target])]), { now: T0 }));
  expect(lines.split("\n").slice(3)).toEqual([
    "          The application ended with exit code 1 before it was healthy. START_FAILED",
    "          See its last output.",
    "          in await-health: python3 server.py, which ended with 1",
    "          │ reading settings",
    "          │ KeyError: 'DATABASE_URL'",
    "          → likely: The application asks for DATABASE_URL, which is not set. PARAMETER_MISSING",
    "            Set it in `env:` and release again.",
  ]);
});

test("of a long stack trace the place where it happened is told, and its end", () => {
  const frames = (from: number, to: number) =>
    Array.from(
      { length: to - from + 1 },
      (_, index) => `    at frame${from + index} (module:prices@1.0.0/index.js:3:1)`,
    );
  const told = (...lines: readonly string[]) => {
    const output = { head: lines.join("\n"), gapBytes: 0, tail: "" };
    const outcome = {
      kind: "failed" as const,
      problem: problemOf("START_FAILED", { exit: "1" }),
      output,
      elapsedMs: 1,
    };
    return lastOutput(sampleTarget("local-1", "failed", { steps: [sampleStep("install", "failed", { outcome })] }));
  };
  const error = "TypeError: no table";
  expect(told(error, ...frames(1, 12))).toEqual([error, ...frames(1, 3), ...frames(9, 12)]);
  expect(told("Exception: a", ...frames(1, 9), "Caused by: b", "    ... 19 more")).toEqual([
    ...["Exception: a", ...frames(5, 9)],
    ...["Caused by: b", "    ... 19 more"],
  ]);
  expect(told(error, "one", ...frames(1, 9))).toEqual([error, ...frames(3, 9)]);
});

test("a running change is a tree of batches and hosts with the step in hand", () => {
  const starting = sampleTarget("local-2", "running", {
    traffic: "draining",
    steps: [sampleStep("start", "succeeded"), sampleStep("drain", "running", { waitingFor: "3 requests" })],
  });
  const change = sampleChange("running", [
    sampleBatch("beta", "baking", [sampleTarget("local-1", "succeeded")]),
    sampleBatch("zone a", "running", [starting]),
    sampleBatch("zone b", "pending", [sampleTarget("local-3", "pending")]),
  ]);
  expect(withId(changeLines(change, { now: T0 + 9000 }), change.id)).toBe(
    [
      "● hello: release 2.0.0 ID  running  9.0 s",
      "  ● beta    1/1 host  bakes 1 s of 3 s  8.0 s",
      "      ✔ local-1 a  1.0.0 → 2.0.0  2.0 s",
      "  ● zone a  0/1 host  8.0 s",
      "      ● local-2 a  1.0.0 → 2.0.0  drain: 3 requests  8.0 s",
      "  ○ zone b  0/1 host",
      "      ○ local-3 a  1.0.0 → 2.0.0",
    ].join("\n"),
  );
});

test("a failed host shows cause, code, what to do, then the step and its last output", () => {
  const change = sampleChange("failed", [sampleBatch("beta", "failed", [brokenTarget("local-1")])], {
    finishedAt: at(9),
  });
  expect(withId(changeLines(change, { now: T0 + 9000 }), change.id)).toBe(
    [
      "✖ hello: release 2.0.0 ID  failed  9.0 s",
      "  ✖ beta  0/1 host  8.0 s",
      "      ✖ local-1 a  1.0.0 → 2.0.0  failed  2.0 s",
      "          Not healthy within 8 s: GET /healthz answered 500. HEALTH_TIMEOUT",
      "          See the health address and the application's last output.",
      "          in await-health",
      "          │ hello 3.0.0 listens",
      "          │ cannot open the price list",
    ].join("\n"),
  );
});

test("a plan tells what of its strategy the batches do not show", () => {
  const strategy = Strategy.parse({
    ...{ cap: 4, maxCellPercent: 25, healthyDeadlineSeconds: 30, progressDeadlineSeconds: 600, gate: "traffic" },
    budget: { failures: "10%", action: "rollback" },
  });
  const plan = samplePlan({});
  const groups = plan.groups.map((group) => ({
    ...group,
    strategy,
    batches: group.batches.map((batch) => ({ ...batch, gate: "traffic" as const })),
  }));
  const shown = text(planLines({ ...plan, groups }));
  expect(shown).toContain("  beta    local-1 a  bakes 3 s  traffic after your confirmation");
  expect(shown).toContain("  at most     4 hosts a batch, 25 % of a cell a batch");
  expect(shown).toContain("  deadlines   healthy within 30 s, some progress every 600 s");
  expect(shown).toContain("  failures    more than 10% of them roll it back");
});

test("a batch that waits before its traffic says so, and one that will", () => {
  const batches = (state: "awaiting-confirmation" | "running") => [
    { ...sampleBatch("beta", state, [sampleTarget("local-1", "running")]), gate: "traffic" as const },
  ];
  const shown = (state: "awaiting-confirmation" | "running") =>
    text(changeLines(sampleChange("running", batches(state)), { now: T0 + 9000 }));
  expect(shown("awaiting-confirmation")).toContain("waits for your confirmation before its traffic");
  expect(shown("running")).toContain("will wait for a confirmation before its traffic");
});

test("a batch of many hosts shows those in trouble and counts the rest", () => {
  const targets = Array.from({ length: 40 }, (_, index) =>
    sampleTarget(`h${index}`, index === 33 ? "failed" : "pending"),
  );
  const change = sampleChange("running", [sampleBatch("all", "running", targets)]);
  const shown = text(changeLines(change, { now: T0, maxTargets: 3 }));
  expect(shown).toContain("✖ h33");
  expect(shown).toContain("… and 37 more hosts");
});

test("news say each thing once, in the order of its happening", () => {
  const done = { steps: [sampleStep("start", "succeeded")] };
  const first = sampleChange("running", [sampleBatch("beta", "running", [sampleTarget("local-1", "running", done)])]);
  const second = {
    ...sampleChange("failed", [sampleBatch("beta", "failed", [brokenTarget("local-1")])], { finishedAt: at(9) }),
    id: first.id,
  };
  expect(text(changeNews(null, first))).toMatch(
    /^● hello: release 2.0.0: running.*\n {2}● beta: running {2}1 host\n {6}✔ local-1: start {2}1.0 s$/,
  );
  expect(changeNews(first, first)).toEqual([]);
  const news = text(changeNews(first, second)).split("\n");
  expect(news[0]).toContain("✖ local-1: await-health");
  expect(news[1]).toContain("✖ local-1: failed");
  expect(news.at(-1)).toContain("✖ hello: release 2.0.0: failed");
  expect(news.filter((each) => each.includes("start"))).toEqual([]);
});

test("a plan shows batches, steps, differences, locks, warnings and whether it can be taken back", () => {
  const plan = samplePlan({ warnings: ["offline, left out: local-4"], missing: ["package 2.0.0"] });
  expect(text(planLines(plan))).toBe(
    [
      "hello: release 2.0.0  2 hosts in 2 batches",
      "  beta    local-1 a  bakes 3 s",
      "  zone b  local-3 b  bakes 3 s  after your confirmation",
      "  failures    the first host that fails stops it",
      "  first       prepare",
      "  before      fetch",
      "  each host   start · attach",
      "  differs     version  1.0.0 → 2.0.0",
      "  holds       service hello",
      "  takes       unknown: there is no history of these steps yet, and 1 confirmation beside",
      "  missing     package 2.0.0",
      "  warning     offline, left out: local-4",
      "  rollback    possible",
    ].join("\n"),
  );
  expect(text(planLines(samplePlan({ differences: [] })))).toContain("nothing: what is planned runs already");
});

test("a plan of several services says who waits for whom, how long each batch takes, what happens to traffic, and fits into 80 columns", () => {
  const plan = samplePlan();
  const [hello] = plan.groups;
  const moving = { name: "shift-traffic", traffic: { during: "attached", after: "attached" } };
  const targets = plan.targets.map((target) => ({
    ...target,
    name: `hello@${target.name}`,
    hostName: target.name,
    steps: [{ ...target.steps[0]!, ...moving } as (typeof target.steps)[0]],
  }));
  const lines = text(
    planLines({
      ...plan,
      targets,
      groups: [
        { ...hello!, after: ["db"] },
        { ...hello!, groupId: "docs", name: "docs", batches: [] },
      ],
      expectedMs: 75_000,
      expected: { stagingMs: 100, batchesMs: { beta: 12_000 } },
      differences: [
        { field: "version", from: "1.0.0", to: "2.0.0", group: "hello" },
        { field: "env.LONG", from: "a".repeat(200), to: "line\nline", group: "hello" },
      ],
    }),
  );
  expect(lines).toContain("  hello  after db\n    beta    local-1 a  ~12 s  bakes 3 s");
  expect(lines).toContain("  traffic     2 hosts: never without traffic: the new one takes over");
  expect(lines).toContain("  takes       about 1 min 15 s");
  expect(lines).toContain("  differs     hello version  1.0.0 → 2.0.0");
  expect(lines).toContain("\n              → line\\nline");
  expect(Math.max(...lines.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
});

test("a plan that brings what was not there says what, and whole; only a first release is told by its version alone", () => {
  const moves =
    "of all 1200 requests in the last minute: 10 % (about 120) to 2.0.0, 90 % (about 1080) to all but 2.0.0";
  const lines = text(
    planLines(
      samplePlan({
        expectedMs: 1000,
        differences: [
          { field: "rule share", from: null, to: "1000: all", group: "shop" },
          { field: "who moves", from: null, to: moves, group: "shop" },
        ],
      }),
    ),
  );
  expect(lines).toContain("  differs     shop rule share  nothing → 1000: all");
  expect(lines).toContain("              shop who moves\n              → of all 1200 requests");
  expect(lines.replaceAll(/\s+/g, " ")).toContain(moves);
  expect(Math.max(...lines.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
  const first = samplePlan({ differences: ["version", "env.A"].map((field) => ({ field, from: null, to: "1.0.0" })) });
  expect(text(planLines(first))).toContain("  differs     all of it is new: version 1.0.0\n");
});

test("durations, sizes and numbers are written for people", () => {
  expect([0, 950, 12_400, 61_000, 7_500_000].map(duration)).toEqual([
    "0.0 s",
    "0.9 s",
    "12 s",
    "1 min 1 s",
    "2 h 5 min",
  ]);
  expect([0, 1023, 1536, 20 * 1024 ** 2, 600 * 1024 ** 2].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "20.0 MiB",
    "600 MiB",
  ]);
  expect([plural(1, "batch"), plural(2, "batch"), plural(0, "host")]).toEqual(["1 batch", "2 batches", "0 hosts"]);
});

test("how long it takes counts the confirmations beside: nobody knows how long people take", () => {
  const batch = (gate: "start" | "traffic" | null) => ({ gate }) as never;
  const groups = [{ batches: [batch(null), batch("start"), batch("traffic")] }] as never;
  expect(expectedText({ expectedMs: 75_000, groups })).toBe("about 1 min 15 s, and 2 confirmations beside");
  expect(expectedText({ expectedMs: 75_000, groups: [] })).toBe("about 1 min 15 s");
});

test("targets that move traffic are not counted as hosts", () => {
  const plan = samplePlan();
  const [host, share] = plan.targets;
  const heading = (...targets: typeof plan.targets) => text(planLines({ ...plan, targets })).split("\n")[0];
  const moves = { ...share!, hostId: null };
  expect(heading(host!, moves)).toContain("1 host and 1 traffic step in 2 batches");
  expect(heading(moves, moves)).toContain("  2 traffic steps in 2 batches");
});

test("a batch that moves traffic counts steps of traffic", () => {
  const moves = ["5 %", "50 %"].map((name) => sampleTarget(name, "pending", { hostId: null }));
  const shown = (...targets: ReturnType<typeof sampleTarget>[]) =>
    text(changeLines(sampleChange("running", [sampleBatch("users", "running", targets)]), { now: T0, maxTargets: 1 }));
  expect(shown(...moves)).toContain("0/2 traffic steps");
  expect(shown(...moves)).toContain("… and 1 more traffic step");
  expect(shown(sampleTarget("h1", "succeeded"), ...moves)).toContain("1/3 (1 host and 2 traffic steps)");
});

test("a batch that bakes for long says until when, unless it is paused", () => {
  const baking = { ...sampleBatch("keep blue", "baking", []), bakeMs: 600_000 };
  const shown = (bakesUntil: string | null) =>
    text(changeLines(sampleChange("running", [{ ...baking, bakesUntil }]), { now: T0 + 9000 }));
  expect(shown(at(600))).toMatch(/bakes 1 s of 600 s, until \d\d:\d\d/);
  expect(shown(null)).not.toContain("until");
});
