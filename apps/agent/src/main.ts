import { readFileSync } from "node:fs";
import { PlatformError } from "@evenkeel/contracts/error";
import { keepCompiled } from "@evenkeel/kit/compile-cache";
import { createLog } from "@evenkeel/kit/log";
import { startAgent } from "./agent.ts";
import { readConfig } from "./config.ts";

const log = createLog({ part: "agent" });
keepCompiled();
// A fault of ours in one corner must not take the instances' keeper with it; the journal knows what was in hand.
process.on("uncaughtException", (error) => log.error({ err: error }, "an error that nobody caught"));

// Asked for before the instances are adopted, it is done right after.
const { promise: stopAsked, resolve: askStop } = Promise.withResolvers<void>();
process.once("SIGUSR2", () => askStop());

try {
  const config = readConfig(process.env);
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const agent = await startAgent(config, version, log);
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      agent.leave();
      process.exit(0);
    });
  await stopAsked;
  await agent.stopInstances();
  process.exit(0);
} catch (error) {
  const facts = error instanceof PlatformError ? { code: error.code, ...error.facts } : error;
  log.fatal({ err: facts }, (error as Error).message);
  process.exit(1);
}
