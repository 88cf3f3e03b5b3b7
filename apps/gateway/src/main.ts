import { readFileSync } from "node:fs";
import { keepCompiled } from "@evenkeel/kit/compile-cache";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { createLog } from "@evenkeel/kit/log";
import { onShutdown } from "@evenkeel/kit/shutdown";
import { serveHandover } from "@evenkeel/kit/socket-handover";
import { chooseDriver } from "./choose-driver.ts";
import { readConfig } from "./config.ts";
import { credentialOf } from "./credential.ts";
import type { Serving } from "./driver.ts";
import { Link } from "./link.ts";
import { TableStore } from "./table-store.ts";
import { troubleLog } from "./trouble-log.ts";

const config = readConfig(process.env);
const log = createLog({ part: "gateway" });
const shutdown = onShutdown({ log });
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

let link: Link | null = null;
await makeFolder(config.home, 0o700);
const plane = await chooseDriver(config, {
  home: config.home,
  log,
  trustForwarded: config.trustForwarded,
  proxies: config.proxies,
  responseTimeoutMs: config.responseTimeoutMs,
  zone: config.zone,
  onTrouble: troubleLog(log),
  onDrained: () => link?.drained(),
  onReached: (reached) => link?.reached(reached),
});
const tables = new TableStore(config.home, (table) => plane.apply(table));
await tables.restore();
const { plain, tls } = await plane.open(config.doors);
const { address, port } = plain;
shutdown.add("server", (hurry) => plane.close(hurry));
log.info({ address, port, tlsPort: tls?.port ?? null, driver: plane.name, ...tables.current }, "serving");
keepCompiled();

await handOver(config.handoverPath, plain);
await handOver(config.tlsHandoverPath, tls);

if (config.controlPlanes.length > 0) {
  const { joinToken, name, controlPlanes, home } = config;
  const url = config.url ?? `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  const join = joinToken === null ? null : { token: joinToken, name, url };
  const credential = await credentialOf({ home, controlPlanes, log }, join);
  link = new Link({ controlPlanes, credential, tables, plane, version, tlsPort: tls?.port ?? null, log });
  shutdown.add("link", () => link?.close());
  await link.run();
} else setInterval(() => void plane.takeStatistics(), 1000).unref();

/** Gives the socket of this door to a supervisor that asks at this path. */
async function handOver(path: string | null, door: Serving | null): Promise<void> {
  const fd = door?.fd ?? null;
  if (path === null || fd === null) return;
  const handover = await serveHandover({ path, fd: () => fd });
  shutdown.add("hand-over", () => handover.close());
}
