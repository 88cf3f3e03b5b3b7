import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sample } from "@evenkeel/contracts/gateway-protocol";
import { startPlatform } from "@evenkeel/testkit/platform";
import { Shop } from "@evenkeel/testkit/shop";

// Records what the gateway counted of real requests to four instances of one version, a few of which fail by chance on each:
// a world in which no guard has anything to find. Its tests replay it. Run it with `node tools/record-equal-world.ts`.

const SECONDS = 190;
const RATE = 300;
const FAIL_CHANCE = 0.03;
const FILE = new URL("../apps/control-plane/src/change/guard/equal-world.json", import.meta.url);

/** One second of one instance: requests, failed, and pairs of bucket and count. */
const cellOf = (sample: Sample) => [
  sample.requests - sample.clientAborts,
  sample.status5xx + sample.connectErrors + sample.cut,
  sample.latency.flatMap((count, bucket) => (count > 0 ? [bucket, count] : [])),
];

const platform = await startPlatform();
try {
  const shop = new Shop(platform);
  await shop.release({ version: "1.0.0", flaws: { failChance: FAIL_CHANCE } });
  const load = shop.load(RATE);
  await sleep(SECONDS * 1000);
  await load.stop();
  const { id } = await shop.service();
  const query = { service: id, sinceSeconds: SECONDS + 5, limit: 5000 };
  const { items } = await platform.client.listSamples({ query });
  const byInstance = Map.groupBy(
    items.filter(({ instance }) => instance !== null),
    ({ instance }) => instance,
  );
  const instances = [...byInstance.values()].map((samples) => samples.map(cellOf));
  const about = { rate: RATE, failChance: FAIL_CHANCE, seconds: Math.min(...instances.map(({ length }) => length)) };
  const lines = instances.map((cells) => `  ${JSON.stringify(cells)}`).join(",\n");
  writeFileSync(FILE, `{"about": ${JSON.stringify(about)}, "instances": [\n${lines}\n]}\n`);
  console.log(about);
} finally {
  await platform.remove();
}
