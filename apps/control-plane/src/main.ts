import { PlatformError } from "@evenkeel/contracts/error";
import { keepCompiled } from "@evenkeel/kit/compile-cache";
import { createLog } from "@evenkeel/kit/log";
import { onShutdown } from "@evenkeel/kit/shutdown";
import { restoreInto } from "./backup/wire.ts";
import { readConfig } from "./config.ts";
import { startControlPlane } from "./wire.ts";

const log = createLog({ part: "control-plane" });
keepCompiled();
try {
  const backup = process.env.EVENKEEL_RESTORE_FILE;
  if (backup === undefined) {
    const controlPlane = await startControlPlane(readConfig(process.env), log);
    onShutdown({ log }).add("control plane", controlPlane.close);
  } else process.stdout.write(`${JSON.stringify(await restoreInto(readConfig(process.env), backup))}\n`);
} catch (error) {
  if (!(error instanceof PlatformError)) throw error;
  log.fatal({ code: error.code, facts: error.facts }, error.message);
  process.exitCode = 1;
}
