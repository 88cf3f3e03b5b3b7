import { readFileSync } from "node:fs";
import { keepCompiled } from "@evenkeel/kit/compile-cache";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { createLog } from "@evenkeel/kit/log";
import { onShutdown } from "@evenkeel/kit/shutdown";
import { serveHandover } from "@evenkeel/kit/socket-handover";
import { chooseDriver } from "./choose-driver.ts";
import { readConfig } from "./config.ts";
import { credentialOf } from "./credential.ts";
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
  responseTimeoutMs: config.responseTimeoutMs,
  zone: config.zone,
  onTrouble: troubleLog(log),
  onDrained: () => link?.drained(),
  onReached: (reached) => link?.reached(reached),
});
const tables = new TableStore(config.home, (table) => plane.apply(table));
await tables.restore();
const { address, port, fd } = await plane.open(config.listen);
shutdown.add("server", (hurry) => plane.close(hurry));
log.info({ address, port, driver: plane.name, ...tables.current }, "serving");
keepCompiled();

if (config.handoverPath !== null && fd !== null) {
  const handover = await serveHandover({ path: config.handoverPath, fd: () => fd });
  shutdown.add("hand-over", () => handover.close());
}

if (config.controlPlanes.length > 0) {
  const { joinToken, name, controlPlanes, home } = config;
  const url = config.url ?? `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  const join = joinToken === null ? null : { token: joinToken, name, url };
  const credential = await credentialOf({ home, controlPlanes, log }, join);
  link = new Link({ controlPlanes, credential, tables, plane, version, log });
  shutdown.add("link", () => link?.close());
  await link.run();
} else setInterval(() => void plane.takeStatistics(), 1000).unref();
