import { setTimeout as sleep } from "node:timers/promises";
import { BaseBed } from "@evenkeel/base/testing";
import { median, quantile } from "../benchmark.ts";
import { type BundleSpec, writeBundle } from "./content.ts";

export interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Between installs of modules in threads: the base has its next thread ready by then, as between two releases. */
export const REST_MS = 1500;

let series = 0;

/** From the request to install to the first answer of the new version, on a base that serves the one before. */
export async function installTimes(
  { restMs = 0, ...spec }: Omit<BundleSpec, "version" | "folder"> & { readonly restMs?: number },
  rounds: number,
): Promise<Times> {
  await using bed = await BaseBed.open();
  // V8 knows code that it has met, whichever module brought it.
  series += 1;
  const times: number[] = [];
  const bundles = [];
  // Made before, since each starts a process, and for a while after a fork every page that this one touches costs it a fault.
  for (let round = 0; round < rounds + 2; round += 1)
    bundles.push(await writeBundle({ ...spec, folder: bed.folder, version: `${series}.0.${round}` }));
  for (const [round, bundle] of bundles.entries()) {
    const version = `${series}.0.${round}`;
    await sleep(restMs);
    const beganAt = performance.now();
    const asked = { bundle, activate: true, replace: true, publish: { tags: {} } };
    await bed.base.perform("install", { operationId: version, ...asked });
    const { body } = await bed.get("/");
    if (!body.includes(`"${version}"`)) throw new Error(`answered ${body.slice(0, 200)}`);
    // The first two find the base cold.
    if (round >= 2) times.push(performance.now() - beganAt);
  }
  return { p50Ms: median(times), p99Ms: quantile(times, 0.99) };
}
