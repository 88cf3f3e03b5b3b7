import type { Change } from "@evenkeel/contracts/change";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import { textWidth } from "@evenkeel/contracts/text-width";
import { expect, test } from "vitest";
import { plain } from "./line.ts";
import { at, brokenTarget, sampleBatch, sampleChange, sampleStep, sampleTarget, T0 } from "./sample-change.ts";
import { type WatchOptions, watchLines } from "./watch.ts";

const running = (name: string) =>
  sampleTarget(name, "running", {
    steps: [sampleStep("start", "succeeded"), sampleStep("await-health", "running"), sampleStep("attach", "pending")],
  });
const hosts = (count: number, from = 1) => Array.from({ length: count }, (_, index) => `host-${from + index}`);
const counts = { skipped: 0, offline: 0, unknown: 0, failed: 0 };

function moving(more: Partial<Change> = {}): Change {
  const beta = sampleBatch("beta", "succeeded", [sampleTarget("local-1", "succeeded")]);
  const second = sampleBatch("zone a", "running", [running("local-2"), sampleTarget("local-3", "pending")]);
  const third = sampleBatch("zone b", "pending", [sampleTarget("local-4", "pending")]);
  const targets = { ...counts, total: 4, succeeded: 1, running: 1, pending: 2 };
  return sampleChange("running", [beta, second, third], { targets, ...more });
}

const draw = (change: Change, over: Partial<WatchOptions> = {}): string[] =>
  watchLines(change, { now: T0 + 10_000, columns: 100, rows: 40, ...over }).map(plain);

test("the picture tells how far it is, opens the batch that moves and keeps the others to a line", () => {
  const lines = draw(moving());
  expect(lines[0]).toMatch(/^⠋ hello: release 2\.0\.0 \w{8} {2}running {2}10 s$/);
  expect(lines[1]).toMatch(/━+─+ 25 % {2}1 of 4 hosts$/);
  expect(lines.slice(2)).toEqual([
    expect.stringMatching(/^ {2}✔ beta {2}1\/1 host/),
    expect.stringMatching(/^ {2}⠋ zone a {2}0\/2 hosts/),
    expect.stringMatching(/^ {6}⠋ local-2 ▪▪▫ a {2}1\.0\.0 → 2\.0\.0 {2}await-health {2}9\.0 s$/),
    expect.stringMatching(/^ {6}○ local-3 {5}a {2}1\.0\.0 → 2\.0\.0$/),
    expect.stringMatching(/^ {2}○ zone b {2}0\/1 host/),
  ]);
});

test("what is under way turns, and nothing else moves between two pictures of the same", () => {
  const [one, other] = [draw(moving(), { now: T0 + 10_000 }), draw(moving(), { now: T0 + 10_100 })];
  expect(one[0]).not.toBe(other[0]);
  expect(one.at(-1)).toBe(other.at(-1));
});

test("a host in trouble tells its cause in place", () => {
  const failed = sampleBatch("zone a", "failed", [brokenTarget("local-2")]);
  const change = sampleChange("failed", [failed], {
    targets: { ...counts, total: 1, failed: 1, succeeded: 0, running: 0, pending: 0 },
  });
  const text = draw(change).join("\n");
  expect(text).toContain("GET /healthz answered 500");
  expect(text).toContain("1 not well");
});

test.each([
  [1000, 12],
  [1000, 6],
  [40, 10],
])("%i hosts in many batches fit into a terminal of %i rows, with the batch in hand in sight", (total, rows) => {
  const batches = hosts(total / 10).map((name, index) => {
    const state = index < 2 ? "succeeded" : index === 2 ? "running" : "pending";
    const targets = hosts(10, index * 10).map((host) =>
      state === "running" ? running(host) : sampleTarget(host, state),
    );
    return sampleBatch(`batch ${name}`, state, targets);
  });
  const targets = { ...counts, total, succeeded: 20, running: 10, pending: total - 30 };
  const lines = draw(sampleChange("running", batches, { targets }), { rows });
  expect(lines.length).toBeLessThanOrEqual(rows);
  expect(lines.join("\n")).toContain("batch host-3");
});

test.each([
  [110, 30],
  [80, 20],
  [50, 14],
  [40, 9],
])("a host in trouble is in sight in a terminal of %i columns and %i rows, whatever else there is", (columns, rows) => {
  const batches = hosts(10).map((name, index) => {
    const targets = hosts(10, index * 10);
    if (index < 2)
      return sampleBatch(
        name,
        "succeeded",
        targets.map((host) => sampleTarget(host, "succeeded")),
      );
    if (index > 2)
      return sampleBatch(
        name,
        "pending",
        targets.map((host) => sampleTarget(host, "pending")),
      );
    const [first = "", ...others] = targets;
    return sampleBatch(name, "running", [...others.map(running), brokenTarget(first)]);
  });
  const targets = { ...counts, total: 100, succeeded: 20, failed: 1, running: 9, pending: 70 };
  const lines = draw(sampleChange("running", batches, { targets }), { columns, rows });
  expect(lines.length).toBeLessThanOrEqual(rows);
  const at = lines.findIndex((text) => text.includes("✖ host-20"));
  expect(lines[at + 1]).toContain("Not healthy within 8 s");
  expect(lines.join("\n")).toContain("1 not well");
  expect(lines[0]).toContain("running");
});

test("a narrow terminal loses places and bars before it loses hosts", () => {
  const wide = draw(moving(), { columns: 100 }).join("\n");
  const narrow = draw(moving(), { columns: 60 }).join("\n");
  const slim = draw(moving(), { columns: 40 });
  expect([wide.includes("1.0.0 → 2.0.0"), narrow.includes("1.0.0 → 2.0.0")]).toEqual([true, false]);
  expect(narrow).toContain("▪▪▫");
  expect(slim.join("\n")).not.toContain("▪");
  expect(slim.join("\n")).toContain("local-2 await-health".replace(" ", "   "));
  expect(Math.max(...slim.slice(1).map((text) => text.length))).toBeLessThanOrEqual(40);
});

test.each([120, 80, 60, 50])("long and Chinese names leave room in %i columns for how things stand", (columns) => {
  const names = ["支付服务器-华东-12", "ip-10-24-3-17.eu-central-1.compute.internal.example-corp.net", "host-7"];
  const title = "支付网关与订单中心联合发布: release 2026.11.22-rc.14 of the payment gateway";
  const batch = sampleBatch("华东一区 of the eastern availability zone", "running", names.map(running));
  const targets = { ...counts, total: 3, succeeded: 0, running: 3, pending: 0 };
  const lines = draw(sampleChange("running", [batch], { title, targets }), { columns, rows: 20 });
  expect(lines[0]).toMatch(/ {2}running {2}10 s$/);
  expect(lines[2]).toMatch(/ {2}0\/3 hosts {2}9\.0 s$/);
  expect(lines.slice(3).map((text) => text.match(/await-health {2}9\.0 s$/)?.[0])).toHaveLength(3);
  expect(lines.filter((text) => textWidth(text) > columns - 1)).toEqual([]);
  // What follows the names stands in one column.
  const before = lines.slice(3).map((text) => textWidth(text.slice(0, text.indexOf("▪"))));
  expect(new Set(before).size).toBe(1);
});

test("of hosts of one domain, too long for their room, the part in which they differ is shown", () => {
  const batch = sampleBatch(
    "a",
    "running",
    hosts(2).map((name) => running(`${name}.eu-central-1.compute.internal.example-corp.net`)),
  );
  const text = draw(sampleChange("running", [batch]), { columns: 60 }).join("\n");
  expect(text).toContain("host-1… ▪");
  expect(text).toContain("host-2… ▪");
});

test("requests are drawn by version, the newest second last, and what failed is counted", () => {
  const sample = (second: number, version: string, requests: number): VersionSample => ({
    ...{ at: at(second), version, requests, failed: 0, p50Ms: 1, p99Ms: 7 },
  });
  const samples = [sample(1, "1.0.0", 80), sample(2, "1.0.0", 40), { ...sample(2, "2.0.0", 40), failed: 3 }];
  const lines = draw(moving(), { samples }).slice(-2);
  expect(lines[0]).toMatch(/^ {2}1\.0\.0 ▁+█▄ 40\/s {2}p99 7 ms$/);
  expect(lines[1]).toMatch(/^ {2}2\.0\.0 ▁+▄ 40\/s {2}p99 7 ms {2}3 failed$/);
});
