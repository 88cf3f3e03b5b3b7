import { BaseBed } from "@evenkeel/base/testing";
import { startLoad } from "@evenkeel/load/load";
import { writeBundle } from "./content.ts";

const BYTES = 100_000;
const RATE = 200;

/** Replacements one after another under a constant load; a request that failed is never tried again. */
export async function replaceUnderLoad(count: number) {
  await using bed = await BaseBed.open();
  const install = async (round: number): Promise<void> => {
    const version = `1.0.${round}`;
    const spec = { folder: bed.folder, bytes: BYTES, version, isolation: "inline" as const, cached: false };
    const bundle = await writeBundle(spec);
    const asked = { bundle, activate: true, replace: true, publish: { tags: {} } };
    await bed.base.perform("install", { operationId: version, ...asked });
    bed.clean();
  };
  await install(0);
  const load = startLoad({ url: `http://127.0.0.1:${bed.port}/`, rate: RATE });
  for (let round = 1; round <= count; round += 1) await install(round);
  const { sent, failed, p99Ms, failures } = await load.stop();
  return { replacements: count, replaceRequests: sent, replaceFailedRequests: failed, replaceP99Ms: p99Ms, failures };
}
