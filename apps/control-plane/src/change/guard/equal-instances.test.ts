import { readFileSync } from "node:fs";
import { Guard } from "@evenkeel/contracts/guard";
import type { InstanceState } from "@evenkeel/contracts/service";
import { describe, expect, test } from "vitest";
import { type InstanceReading, judge, type Measured, type MeasuringGuard } from "./index.ts";

// What real agents told of the instances of two equal versions under requests: `tools/record-equal-instances.ts` records it.

type Told = readonly [state: InstanceState, restarts: number, memoryBytes: number];
const { hosts } = JSON.parse(readFileSync(new URL("./equal-instances.json", import.meta.url), "utf8")) as {
  readonly hosts: readonly { readonly older: readonly Told[]; readonly younger: readonly Told[] }[];
};

const RUNS = 100;
const LOOKS = 4;
const HISTORY = Math.min(...hosts.map(({ older }) => older.length));
const YOUTH = Math.min(...hosts.map(({ younger }) => younger.length));
const GUARDS = (["restarts", "memory", "health"] as const).map((kind) => Guard.parse({ kind }) as MeasuringGuard);
const labels = { changed: "2.0.0", unchanged: "1.0.0", before: "1.0.0 before" };
const nameOf = (at: number): string => `local-${at + 1}`;

/** One host has the younger version since a moment, the others have the older one; `second` tells which moment of its life. */
function world(changed: number, moment: number, since: number): Measured {
  const instances = hosts.map(({ older, younger }, at): InstanceReading => {
    const former = older[moment % HISTORY];
    const told = at === changed ? younger[since] : former;
    if (told === undefined || former === undefined) throw new Error("there is no such moment");
    const [state, restarts, memoryBytes] = told;
    const isChanged = at === changed;
    return {
      ...{ host: nameOf(at), changed: isChanged, online: true, state, restarts, memoryBytes },
      memoryBytesBefore: isChanged ? former[2] : null,
    };
  });
  return { targets: [nameOf(changed)], instances, changed: [], unchanged: [], before: [] };
}

/** All looks of one batch; true when one of them raised an alarm. */
function alarms(guard: MeasuringGuard, run: number, alter: (one: InstanceReading) => InstanceReading): boolean {
  const first = (run * 7) % (YOUTH - LOOKS);
  return Array.from({ length: LOOKS }, (_, look) => {
    const measured = world(run % hosts.length, run, first + look);
    const instances = measured.instances.map((one) => (one.changed ? alter(one) : one));
    return judge(guard, { ...measured, instances }, { labels, alpha: 0.01 });
  }).some(({ outcome }) => outcome === "worse");
}

const count = (guard: MeasuringGuard, alter: (one: InstanceReading) => InstanceReading): number =>
  Array.from({ length: RUNS }, (_, run) => alarms(guard, run, alter)).filter(Boolean).length;

describe("a hundred releases of an equal version, as agents told of it", () => {
  test.each(GUARDS)("make the guard $kind act five times at most", (guard) => {
    const times = count(guard, (one) => one);
    console.log(`${guard.kind}: ${times} false alarms in ${RUNS} runs`);
    expect(times).toBeLessThanOrEqual(5);
  });

  test("are found worse each time when the instance restarted, falls sick, or takes 200 MB more", () => {
    const [restarts, memory, health] = GUARDS;
    if (restarts === undefined || memory === undefined || health === undefined)
      throw new Error("there are three guards");
    expect(count(restarts, (one) => ({ ...one, restarts: one.restarts + 1 }))).toBe(RUNS);
    expect(count(health, (one) => ({ ...one, state: "unhealthy" }))).toBe(RUNS);
    const leak = 200 * 1024 ** 2;
    expect(count(memory, (one) => ({ ...one, memoryBytes: (one.memoryBytes ?? 0) + leak }))).toBe(RUNS);
  });
});
