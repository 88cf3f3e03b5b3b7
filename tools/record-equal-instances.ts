import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startPlatform } from "@evenkeel/testkit/platform";
import { queryDatabase } from "@evenkeel/testkit/platform-state";
import { Shop } from "@evenkeel/testkit/shop";

// Records what agents told of the instances of two versions that are equal, under requests: some minutes of the older one, then the younger
// one from its first seconds on. No guard has anything to find in it. Its tests replay it. Run it with `node tools/record-equal-instances.ts`.

const EACH_S = 100;
const RATE = 60;
const FILE = new URL("../apps/control-plane/src/change/guard/equal-instances.json", import.meta.url);

interface Row {
  readonly host: string;
  readonly version: string;
  readonly state: string;
  readonly restarts: number;
  readonly bytes: string;
}

const platform = await startPlatform();
try {
  const shop = new Shop(platform);
  const listen = async (): Promise<void> => {
    const { id } = await shop.service();
    for (let second = 0; second < EACH_S; second += 2) {
      // As a guard does: whoever listens stores what agents tell.
      await queryDatabase(platform, "select pg_notify('usage_wanted', $1)", [id]);
      await sleep(2000);
    }
  };
  await shop.release({ version: "1.0.0" });
  const load = shop.load(RATE);
  await listen();
  await shop.release({ version: "2.0.0", strategy: { batches: "all" } });
  await listen();
  await load.stop();
  const { id } = await shop.service();
  const rows = await queryDatabase<Row>(
    platform,
    `select host.name as host, revision.package_version as version, s.state, s.restarts, s.memory_bytes as bytes
     from instance_sample s join host on host.id = s.host_id join revision on revision.id = s.revision_id
     where s.service_id = $1 order by host.name, s.at`,
    [id],
  );
  const hosts = [...Map.groupBy(rows, ({ host }) => host).values()].map((ofHost) => {
    const told = (version: string) =>
      ofHost.filter((row) => row.version === version).map((row) => [row.state, row.restarts, Number(row.bytes)]);
    return { older: told("1.0.0"), younger: told("2.0.0") };
  });
  const about = { rate: RATE, seconds: EACH_S, told: rows.length };
  const lines = hosts.map((host) => `  ${JSON.stringify(host)}`).join(",\n");
  writeFileSync(FILE, `{"about": ${JSON.stringify(about)}, "hosts": [\n${lines}\n]}\n`);
  console.log(about);
} finally {
  await platform.remove();
}
