import { readFileSync } from "node:fs";
import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import { Guard, guardName } from "@evenkeel/contracts/guard";
import { describe, expect, test } from "vitest";
import { type Cell, judge, type Labels, type Measured, type MeasuringGuard } from "./index.ts";
import { spending } from "./watch.ts";

// What a real gateway counted of real requests to four instances of one version: `tools/record-equal-world.ts` records it.

type Recorded = readonly [requests: number, failed: number, latency: readonly number[]];
const { instances } = JSON.parse(readFileSync(new URL("./equal-world.json", import.meta.url), "utf8")) as {
  readonly instances: readonly (readonly Recorded[])[];
};

/** Of the histogram only buckets with something in them were kept, each followed by its count. */
const cellOf = ([requests, failed, pairs]: Recorded): Cell => {
  const latency = LATENCY_BOUNDS_MS.map(() => 0).concat(0);
  for (let at = 0; at < pairs.length; at += 2) latency[pairs[at] ?? 0] = pairs[at + 1] ?? 0;
  return { requests, failed, latency };
};
const cells = instances.map((seconds) => seconds.map(cellOf));
const sum = (one: Cell, other: Cell): Cell => ({
  requests: one.requests + other.requests,
  failed: one.failed + other.failed,
  latency: one.latency.map((count, bucket) => count + (other.latency[bucket] ?? 0)),
});
const NONE = cellOf([0, 0, []]);

const RUNS = 100;
const WINDOW_S = 20;
const BEFORE_S = 40;
/** Looks of a batch that bakes for one window, and its last. */
const LOOKS_S = [5, 10, 15, WINDOW_S];
const ALPHA_OF_BATCH = 0.01 / 2;
const labels: Labels = { changed: "changed", unchanged: "unchanged", before: "before" };

interface Place {
  readonly changed: number;
  readonly from: number;
  readonly seconds: number;
}

/** One instance poses as changed from this second on; the others are unchanged, and the time before is before. */
function world({ changed, from, seconds }: Place, alter: (cell: Cell) => Cell): Measured {
  // A side is measured as a whole, second by second.
  const between = (begin: number, end: number, side: (at: number) => boolean) =>
    Array.from({ length: end - begin }, (_, second) =>
      cells
        .filter((_, at) => side(at))
        .map((all) => all[begin + second] ?? NONE)
        .reduce(sum, NONE),
    );
  const during = (side: (at: number) => boolean) => between(from, from + seconds, side);
  return {
    targets: ["one"],
    instances: [],
    changed: during((at) => at === changed).map(alter),
    unchanged: during((at) => at !== changed),
    before: between(from - BEFORE_S, from, () => true),
  };
}

/** Every look of one batch, as the kernel takes them; true when one of them raised an alarm. */
function alarms(guard: MeasuringGuard, run: number, alter: (cell: Cell) => Cell): boolean {
  const last = Math.min(...cells.map(({ length }) => length)) - WINDOW_S;
  const from = BEFORE_S + Math.floor(((last - BEFORE_S) * run) / RUNS);
  return LOOKS_S.some((seconds, at) => {
    const final = seconds === WINDOW_S;
    const alpha = ALPHA_OF_BATCH * spending(at + 1, final);
    return (
      judge(guard, world({ changed: run % cells.length, from, seconds }, alter), { labels, alpha }).outcome === "worse"
    );
  });
}

const GUARDS = [
  { kind: "error-rate", increasePercent: 0 },
  { kind: "error-rate" },
  { kind: "latency", quantile: "p50" },
  { kind: "latency", quantile: "p90" },
  { kind: "latency", quantile: "p99" },
].map((guard) => Guard.parse(guard) as MeasuringGuard);
const nameOf = (guard: MeasuringGuard): string =>
  guard.kind === "error-rate" ? `error rate, from ${guard.increasePercent} points` : guardName(guard);
const count = (guard: MeasuringGuard, alter: (cell: Cell) => Cell = (cell) => cell) =>
  Array.from({ length: RUNS }, (_, run) => alarms(guard, run, alter)).filter(Boolean).length;

describe("a hundred releases of an equal version, under recorded traffic", () => {
  test.each(GUARDS.map((guard) => ({ ...guard, name: nameOf(guard) })))(
    "make the guard $name act five times at most",
    ({ name, ...guard }) => {
      const times = count(guard);
      console.log(`${name}: ${times} false alarms in ${RUNS} runs`);
      expect(times).toBeLessThanOrEqual(5);
    },
  );

  test("are found worse nearly always when one request in ten more fails, or takes ten times as long", () => {
    const failing = ({ requests, failed, latency }: Cell): Cell => ({
      requests,
      failed: Math.min(requests, failed + Math.round(requests / 10)),
      latency,
    });
    const slow = ({ requests, failed, latency }: Cell): Cell => {
      const moved = latency.map((n) => Math.floor(n / 10));
      const later = moved.reduce((sum, n) => sum + n, 0);
      const slower = LATENCY_BOUNDS_MS.indexOf(1000);
      return { requests, failed, latency: latency.map((n, at) => n - (moved[at] ?? 0) + (at === slower ? later : 0)) };
    };
    const [, errors, , , p99] = GUARDS;
    if (errors === undefined || p99 === undefined) throw new Error("there are five guards");
    expect(count(errors, failing)).toBeGreaterThan(90);
    expect(count(p99, slow)).toBeGreaterThan(90);
  });
});
