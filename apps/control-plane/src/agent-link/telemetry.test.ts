import { expect, test } from "vitest";
import { HostReadings } from "./telemetry.ts";

const NOW_MS = Date.parse("2026-05-04T10:00:00.000Z");

interface Exchange {
  /** Ahead is positive. */
  readonly skewMs: number;
  readonly thereMs?: number;
  readonly backMs?: number;
}

/** One message of ours heard there, and one beat of the host's received here. */
function exchange(readings: HostReadings, { skewMs, thereMs = 1, backMs = 1 }: Exchange): void {
  const sentAt = new Date(NOW_MS + skewMs).toISOString();
  readings.take({ sentAt, clockAheadAtMostMs: skewMs + thereMs }, NOW_MS + backMs);
}

const afterwards = (exchanges: readonly Exchange[]): number | null => {
  const readings = new HostReadings();
  for (const one of exchanges) exchange(readings, one);
  return readings.current.clockSkewMs;
};

test("a clock an hour ahead or behind is known from the first exchange", () => {
  expect(afterwards([{ skewMs: 3_600_000 }])).toBe(3_599_999);
  expect(afterwards([{ skewMs: -3_600_000 }])).toBe(-3_599_999);
});

test("messages that come late, one or all of them, in one direction or both, are no skew", () => {
  expect(afterwards([{ skewMs: 0, backMs: 7000 }])).toBe(0);
  expect(afterwards([{ skewMs: 0, thereMs: 7000 }])).toBe(0);
  expect(afterwards(Array(20).fill({ skewMs: 0, thereMs: 5000, backMs: 9000 }))).toBe(0);
});

test("a late message hides a skew no longer than until the next one", () => {
  expect(afterwards([{ skewMs: -3_600_000, thereMs: 3_700_000 }])).toBe(0);
  expect(afterwards([{ skewMs: -3_600_000, thereMs: 3_700_000 }, { skewMs: -3_600_000 }])).toBe(-3_599_999);
});

test("a clock that is set in mid-connection is unknown at first, and known when the samples from before are gone", () => {
  const right = Array(15).fill({ skewMs: 0 });
  const set = Array(15).fill({ skewMs: -3_600_000 });
  expect(afterwards([...right, ...set.slice(0, 3)])).toBeNull();
  expect(afterwards([...right, ...set])).toBe(-3_599_999);
});

test("a host that tells nothing of what it heard may be late, but is never early", () => {
  const readings = new HostReadings();
  readings.take({ sentAt: new Date(NOW_MS - 3_600_000).toISOString() }, NOW_MS);
  expect(readings.current.clockSkewMs).toBeNull();
  readings.take({ sentAt: new Date(NOW_MS + 3_600_000).toISOString() }, NOW_MS);
  expect(readings.current.clockSkewMs).toBe(3_600_000);
});
