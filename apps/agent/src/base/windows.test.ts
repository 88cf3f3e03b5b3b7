import type { AgentMessage } from "@evenkeel/contracts/agent-protocol";
import type { BaseStatistics, ModuleStatistics } from "@evenkeel/contracts/base-protocol";
import { newId, ServiceId } from "@evenkeel/contracts/id";
import { answering, BASE_SERVER } from "@evenkeel/testkit/base-application";
import { expect, test } from "vitest";
import { Fixture } from "../testing/fixture.ts";
import { bring, makeRevision } from "../testing/package.ts";
import { type Look, windowBetween } from "./windows.ts";

const slot = newId(ServiceId, "svc");

const ofModule = (more: Partial<ModuleStatistics>): ModuleStatistics => ({
  ...{ name: "prices" as never, version: "1.0.0", requests: 0, errors: 0, inFlight: 0, p50Ms: 0, p99Ms: 0 },
  ...{ latency: [], cpuPercent: 0, cpuMs: 0, blockMs: 0, heapBytes: null, throttled: 0, restarts: 0, over: [] },
  ...more,
});

function lookAt(atMs: number, modules: ModuleStatistics[], cpuMs = 0): Look {
  const statistics: BaseStatistics = {
    ...{ at: "2026-05-04T10:00:00.000Z", cpuPercent: 0, cpuMs, rssBytes: 9, heapUsedBytes: 8, heapLimitBytes: 99 },
    ...{ loopDelayP99Ms: 11, loopDelayMaxMs: 12, modules },
  };
  return { atMs, statistics };
}

test("a window holds what came since the look before, bucket by bucket", () => {
  const before = lookAt(1000, [ofModule({ requests: 10, errors: 1, cpuMs: 100, latency: [4, 6] })], 5000);
  const now = lookAt(11_000, [ofModule({ requests: 30, errors: 4, cpuMs: 600, latency: [4, 16, 10] })], 7500);
  expect(windowBetween(slot, before, now)).toMatchObject({
    ...{ windowMs: 10_000, cpuPercent: 25, loopDelayP99Ms: 11 },
    modules: [{ requests: 20, errors: 3, cpuPercent: 5, latency: [0, 10, 10] }],
  });
});

test("a module that has come meanwhile, or came again, counts from its beginning", () => {
  const again = ofModule({ requests: 3, latency: [3], cpuMs: 20 });
  const other = ofModule({ name: "cart" as never, requests: 5, latency: [5] });
  const before = lookAt(0, [ofModule({ requests: 1000, errors: 7, latency: [1000], cpuMs: 9000 })]);
  expect(windowBetween(slot, before, lookAt(10_000, [again, other])).modules).toMatchObject([
    { name: "prices", requests: 3, errors: 0, latency: [3], cpuPercent: 0.2 },
    { name: "cart", requests: 5, latency: [5] },
  ]);
});

const fixture = Fixture.forEachTest("127.0.41.11");

type Windows = Extract<AgentMessage, { kind: "base-windows" }>;

test("an agent tells what the modules of a living base have done, and of a base that stands still it tells nothing", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane, {
    files: { "server.mjs": BASE_SERVER },
    configuration: { start: "node server.mjs" },
  });
  await bring(plane, revision);
  const { address, port, pid } = await fixture.startHealthy(revision);
  await plane.heard(({ kind }) => kind === "bases");
  const { name, version, object, bytes } = answering("prices", "1.0.0");
  plane.putObject(bytes);
  const input = { base: plane.slot, name, version, object, activate: true, replace: true, publish: { tags: {} } };
  await plane.run("install-module", input, { slot: null });
  const isWindow = (message: AgentMessage): message is Windows => message.kind === "base-windows";
  // Of the first look at a process nothing is told: what is asked before it is not seen.
  await plane.heard(isWindow);
  for (let i = 0; i < 20; i++) await fetch(`http://${address}:${port}/prices`);
  const told = () => plane.messages.filter(isWindow).flatMap(({ bases }) => bases.flatMap(({ modules }) => modules));
  const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
  await plane.heard(() => sum(told().map(({ requests }) => requests)) >= 20);
  expect(sum(told().map(({ requests }) => requests))).toBe(20);
  expect(sum(told().flatMap(({ latency }) => latency))).toBe(20);
  expect(plane.messages.find(isWindow)?.bases).toMatchObject([{ slot: plane.slot, rssBytes: expect.any(Number) }]);

  process.kill(pid, "SIGSTOP");
  const isBeat = (message: AgentMessage) => message.kind === "heartbeat" && message.facts !== undefined;
  await plane.heard(isBeat, plane.messages.length);
  const from = plane.messages.length;
  await plane.heard(isBeat, from);
  expect(plane.messages.slice(from).filter(isWindow)).toEqual([]);
  process.kill(pid, "SIGCONT");
}, 120_000);
