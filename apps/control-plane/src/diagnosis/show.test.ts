import type { ChangeSummary, Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { Host, HostSample } from "@evenkeel/contracts/host";
import type { Instance } from "@evenkeel/contracts/service";
import { describe, expect, test } from "vitest";
import { diagnoseHost, diagnoseService, type ServiceFacts } from "./show.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const before = (seconds: number): string => new Date(Date.parse(NOW) - seconds * 1000).toISOString();

const instance = (over: Partial<Instance> = {}): Instance =>
  ({ state: "healthy", traffic: "attached", since: before(600), hostName: "h1", letter: "a", ...over }) as Instance;
const second = (ago: number, requests: number, failed = 0): VersionSample => ({
  ...{ at: before(ago), version: "2.0.0", requests, failed, p50Ms: 1, p99Ms: 9 },
});
const change = (over: Partial<ChangeSummary> = {}): ChangeSummary =>
  ({
    ...{ id: "chg_1", title: "Release shop 2.0.0", state: "succeeded", createdBy: "ann", stateSince: before(120) },
    ...{ startedAt: before(300), finishedAt: before(120), allowedActions: ["rollback"] },
    ...over,
  }) as ChangeSummary;
const shop = (over: Partial<ServiceFacts> = {}): ServiceFacts => ({
  checkedAt: NOW,
  service: { id: "svc_1", name: "shop", workspace: "local", application: "shop" },
  revision: { version: "2.0.0", buildpack: "node@1" },
  ...{ instances: [instance()], seconds: [], changes: [], findings: [], logs: [] },
  ...over,
});

const codes = ({ findings }: { readonly findings: readonly Finding[] }) => findings.map(({ problem }) => problem.code);

describe("a service", () => {
  test("is well where its instances are healthy and take requests that succeed", () => {
    const told = diagnoseService(shop({ seconds: [second(30, 100), second(29, 100)] }));
    expect(told).toMatchObject({ verdict: "well", findings: [], subject: { kind: "service", name: "shop" } });
    expect(told.series.map(({ name, points }) => `${name} ${points.map(({ value }) => value)}`)).toEqual([
      "requests 100,100",
      "failed 0,0",
      "p99 9,9",
    ]);
  });

  test("is down where none of its instances is healthy in a route; the change that ran then may be the cause", () => {
    const down = shop({ instances: [instance({ state: "crash-loop", since: before(90) })], changes: [change()] });
    const told = diagnoseService(down);
    expect(codes(told)).toEqual(["SERVICE_DOWN"]);
    expect(told.verdict).toBe("trouble");
    expect(told.findings[0]?.causes).toMatchObject([{ code: "AFTER_CHANGE", facts: { change: "Release shop 2.0.0" } }]);
    expect(told.findings[0]?.actions).toEqual([
      "change show chg_1",
      "change rollback chg_1 --speed fast --reason WHY",
      "restart shop",
    ]);
    expect(codes(diagnoseService({ ...down, instances: [instance({ traffic: "detached" })] }))).toEqual([
      "SERVICE_DOWN",
    ]);
  });

  test("a change that ended long before is not to blame, and a way back that is not legal is not offered", () => {
    const instances = [instance({ state: "crash-loop", since: before(10) })];
    const earlier = change({ startedAt: before(4000), finishedAt: before(3000) });
    expect(diagnoseService(shop({ instances, changes: [earlier] })).findings[0]).toMatchObject({ causes: [] });
    const bound = diagnoseService(shop({ instances, changes: [change({ allowedActions: [] })] }));
    expect(bound.findings[0]?.actions).toEqual(["change show chg_1", "restart shop"]);
  });

  test("fails where more than one request in a hundred does, unless there are too few to tell", () => {
    const failing = diagnoseService(shop({ seconds: [second(100, 50), second(30, 100, 7)], changes: [change()] }));
    expect(failing.findings[0]).toMatchObject({
      severity: "error",
      problem: { code: "REQUESTS_FAIL", facts: { percent: 7, failed: 7, requests: 100 } },
      since: before(30),
      causes: [{ code: "AFTER_CHANGE" }],
    });
    expect(codes(diagnoseService(shop({ seconds: [second(30, 19, 19)] })))).toEqual([]);
    expect(codes(diagnoseService(shop({ seconds: [second(30, 100, 1)] })))).toEqual([]);
    expect(codes(diagnoseService(shop({ seconds: [second(90, 100, 50), second(30, 100)] })))).toEqual([]);
  });

  test("that was never released has no instance to miss", () => {
    const told = diagnoseService(shop({ revision: null, instances: [] }));
    expect([codes(told), told.verdict]).toEqual([["SERVICE_NOT_RELEASED"], "well"]);
  });

  test("what others have found is told once, the worst first", () => {
    const finding = (severity: Finding["severity"], problem: Finding["problem"]): Finding => ({
      ...{ severity, resource: "host/h1", problem, since: null, actions: [] },
    });
    const skew = finding("warning", problemOf("CLOCK_SKEWED", { host: "h1", skewMs: 3000 }));
    const lost = finding("error", problemOf("HOST_LOST", { host: "h1", since: NOW }));
    const told = diagnoseService(shop({ findings: [skew, lost, skew] }));
    expect([codes(told), told.verdict]).toEqual([["HOST_LOST", "CLOCK_SKEWED"], "trouble"]);
  });
});

describe("a host", () => {
  const host = { id: "host_1", name: "h1", state: "online", zone: "a", address: "10.0.0.1", facts: null } as Host;
  const sample = (ago: number, cpuBusy: number): HostSample => ({
    ...{ at: before(ago), cpuBusy, load1: 2, memoryTotalBytes: 100, memoryAvailableBytes: 40 },
    ...{ diskTotalBytes: 1000, diskFreeBytes: 50 },
  });
  const known = (samples: HostSample[]) =>
    diagnoseHost({ checkedAt: NOW, host, instances: [], samples, changes: [], findings: [], logs: [] });

  test("is strained by what has stayed above nine tenths, not by one moment of it", () => {
    const told = known([sample(30, 0.99), sample(20, 0.2), sample(10, 0.99)]);
    expect(told.findings.map(({ problem }) => problem.facts)).toEqual([{ what: "Disk", host: "h1", percent: 95 }]);
    expect(told.verdict).toBe("attention");
    expect(known([sample(30, 0.95), sample(20, 0.97), sample(10, 0.99)]).findings).toHaveLength(2);
  });

  test("that has told nothing yet has no measurements", () => {
    expect(known([])).toMatchObject({
      verdict: "well",
      series: [{ points: [] }, { points: [] }, { points: [] }, { points: [] }],
    });
  });
});
