import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import { Guard } from "@evenkeel/contracts/guard";
import { describe, expect, test } from "vitest";
import { type Cell, type InstanceReading, judge, type Labels, type Measured, type MeasuringGuard } from "./index.ts";

const labels: Labels = { changed: "2.0.0", unchanged: "1.0.0", before: "1.0.0 before" };

/** Seconds with so many requests each, of which so many failed, all answered within this time but for the slow ones. */
const seconds = (
  count: number,
  requests: number,
  more: { failed?: number; ms?: number; slow?: number } = {},
): Cell[] => {
  const { failed = 0, ms = 40, slow = 0 } = more;
  const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => bound >= ms);
  const slowBucket = LATENCY_BOUNDS_MS.indexOf(500);
  const latency = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, (_, at) =>
    at === bucket ? requests - slow : at === slowBucket ? slow : 0,
  );
  return Array.from({ length: count }, () => ({ requests, failed, latency }));
};

const nothing: Measured = { targets: ["local-1"], changed: [], unchanged: [], before: [], instances: [] };
const judged = (guard: object, measured: Partial<Measured>, alpha = 0.005) =>
  judge(Guard.parse(guard) as MeasuringGuard, { ...nothing, ...measured }, { labels, alpha });

describe("the error rate", () => {
  const guard = { kind: "error-rate" };

  test("is worse where more fail than chance explains, and says so in the words of people", () => {
    const found = judged(guard, { changed: seconds(6, 50, { failed: 2 }), unchanged: seconds(6, 100) });
    expect(found).toMatchObject({
      outcome: "worse",
      text: "2.0.0: 12 of 300 requests failed (4 %), 1.0.0: 0 of 600; p < 0.001",
    });
  });

  test("passes where both fail alike", () => {
    const same = { changed: seconds(6, 50, { failed: 2 }), unchanged: seconds(6, 100, { failed: 4 }) };
    expect(judged(guard, same)).toMatchObject({ outcome: "pass" });
  });

  test("passes what is certain but matters to nobody", () => {
    const little = { changed: seconds(60, 1000, { failed: 5 }), unchanged: seconds(60, 1000) };
    expect(judged(guard, little).outcome).toBe("pass");
    expect(judged({ ...guard, increasePercent: 0.1 }, little).outcome).toBe("worse");
  });

  test("takes one burst for one event", () => {
    const burst = [...seconds(9, 50), ...seconds(1, 50, { failed: 12 })];
    expect(judged(guard, { changed: burst, unchanged: seconds(10, 100) }).outcome).toBe("pass");
  });

  test("has no data with too few requests, on either side, and says of whom", () => {
    expect(judged(guard, { changed: seconds(4, 20, { failed: 20 }), unchanged: seconds(6, 100) })).toMatchObject({
      outcome: "no-data",
      text: "2.0.0 had 80 requests, 100 are needed",
    });
    const alone = judged(guard, { changed: seconds(6, 50, { failed: 50 }), unchanged: seconds(1, 99) });
    expect(alone.outcome).toBe("no-data");
    expect(alone.text).toContain("nothing to compare with");
    expect(judged(guard, {}).outcome).toBe("no-data");
  });

  test("is compared with the time before where nothing is unchanged any more", () => {
    const last = judged(guard, { changed: seconds(6, 50, { failed: 2 }), before: seconds(60, 50) });
    expect(last).toMatchObject({ outcome: "worse", text: expect.stringContaining("1.0.0 before: 0 of 3000") });
  });

  test("may have a limit that needs nobody to compare with", () => {
    const limit = { ...guard, limitPercent: 1 };
    expect(judged(limit, { changed: seconds(10, 50, { failed: 2 }) }).outcome).toBe("worse");
    expect(judged(limit, { changed: seconds(10, 50) }).outcome).toBe("pass");
  });
});

describe("the latency", () => {
  const guard = { kind: "latency", quantile: "p99" };

  test("is worse where the tail grows, though the middle stays", () => {
    const found = judged(guard, { changed: seconds(15, 50, { slow: 2 }), unchanged: seconds(15, 100) });
    expect(found.outcome).toBe("worse");
    expect(found.text).toMatch(/^2\.0\.0: p99 4\d\d ms, 1\.0\.0: 40 ms; 4 % took longer than 70 ms/);
    const middle = { changed: seconds(15, 50, { slow: 2 }), unchanged: seconds(15, 100) };
    expect(judged({ ...guard, quantile: "p50" }, middle).outcome).toBe("pass");
  });

  test("of the middle is worse where everything becomes slower, whoever is in the majority", () => {
    const p50 = { kind: "latency", quantile: "p50" };
    expect(judged(p50, { changed: seconds(15, 100, { ms: 100 }), unchanged: seconds(15, 20) }).outcome).toBe("worse");
    expect(judged(p50, { changed: seconds(15, 20, { ms: 100 }), unchanged: seconds(15, 100) }).outcome).toBe("worse");
  });

  test("passes what is slower by less than matters", () => {
    const little = { changed: seconds(15, 100, { ms: 50 }), unchanged: seconds(15, 100, { ms: 40 }) };
    expect(judged({ ...guard, quantile: "p50" }, little).outcome).toBe("pass");
  });

  test("needs more requests the further out the quantile lies", () => {
    const some = { changed: seconds(6, 50), unchanged: seconds(6, 100) };
    expect(judged(guard, some)).toMatchObject({ outcome: "no-data", text: expect.stringContaining("500 are needed") });
    expect(judged({ ...guard, quantile: "p50" }, some).outcome).toBe("pass");
  });

  test("may have a limit", () => {
    const limit = { ...guard, limitMs: 200 };
    expect(judged(limit, { changed: seconds(15, 50, { slow: 2 }) }).outcome).toBe("worse");
    expect(judged(limit, { changed: seconds(15, 50) }).outcome).toBe("pass");
  });
});

describe("instances", () => {
  const MB = 1024 ** 2;
  const reading = (more: Partial<InstanceReading>): InstanceReading => ({
    ...{ host: "local-1", changed: true, online: true, state: "healthy", restarts: 0 },
    ...{ memoryBytes: 100 * MB, memoryBytesBefore: null },
    ...more,
  });
  const other = reading({ host: "local-2", changed: false });
  const of = (...instances: InstanceReading[]) => ({ instances });

  test("that restarted are worse, at once and with their names", () => {
    expect(judged({ kind: "restarts" }, of(reading({ restarts: 2 }), other))).toMatchObject({
      outcome: "worse",
      text: "local-1 restarted 2 times",
    });
    expect(judged({ kind: "restarts", allowed: 2 }, of(reading({ restarts: 2 }))).outcome).toBe("pass");
    expect(judged({ kind: "restarts" }, of(reading({}), { ...other, restarts: 9 })).outcome).toBe("pass");
  });

  test("that are sick are worse", () => {
    expect(judged({ kind: "health" }, of(reading({ state: "unhealthy" }))).outcome).toBe("worse");
    expect(judged({ kind: "health" }, of(reading({ state: "crash-loop" }))).outcome).toBe("worse");
    expect(judged({ kind: "health" }, of(reading({}))).outcome).toBe("pass");
  });

  test("nobody hears of are no data, whatever they said last", () => {
    for (const kind of ["restarts", "memory", "health"]) {
      expect(judged({ kind }, of(reading({ online: false }), other)).outcome).toBe("no-data");
      expect(judged({ kind }, of(other)).outcome).toBe("no-data");
    }
    expect(judged({ kind: "health" }, of(reading({ state: "unknown" }))).outcome).toBe("no-data");
    expect(judged({ kind: "memory" }, of(reading({ memoryBytes: null }), other)).outcome).toBe("no-data");
    expect(judged({ kind: "memory" }, of(reading({}))).outcome).toBe("no-data");
  });

  test("that use more memory than the others, or than what stood there before, are worse", () => {
    const guard = { kind: "memory" };
    expect(judged(guard, of(reading({ memoryBytes: 300 * MB }), other))).toMatchObject({
      outcome: "worse",
      text: "2.0.0: 300 MB, 1.0.0: 100 MB",
    });
    expect(judged(guard, of(reading({ memoryBytes: 300 * MB, memoryBytesBefore: 90 * MB }))).outcome).toBe("worse");
    expect(judged(guard, of(reading({ memoryBytes: 150 * MB }), other)).outcome).toBe("pass");
    const small = of(reading({ memoryBytes: 30 * MB }), { ...other, memoryBytes: 10 * MB });
    expect(judged(guard, small).outcome).toBe("pass");
  });
});
