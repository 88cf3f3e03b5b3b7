import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { createLog } from "@evenkeel/kit/log";
import { z } from "zod";
import { openDatabase } from "./database.ts";
import { takeHold } from "./hold.ts";
import { CODE_ROOT, openHome } from "./home.ts";
import { Manifest } from "./manifest.ts";
import { printedNews } from "./news.ts";
import { HOST } from "./ports.ts";

// 1. Only an empty folder is restored into; the database's own transaction makes it all or nothing.
// 2. The hosts of the backup are elsewhere, or gone with their machine: this one starts none of its own.

/** What a restore has brought back; the control plane tells it. */
const Restored = z.strictObject({ epoch: z.int(), takenAt: z.string(), rows: z.int(), objects: z.int() });

/** Restores a backup into an empty folder; it is started by `evenkeel up` afterwards. */
export async function restore(
  { home: path, file, json }: { readonly home: string; readonly file: string; readonly json: boolean },
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  await access(file).catch((error: Error) => {
    throw new PlatformError("BACKUP_UNREADABLE", { file, problem: error.message }, { cause: error });
  });
  const used = existsSync(path) && (await readdir(path)).length > 0;
  if (used) throw new PlatformError("RESTORE_NOT_EMPTY", { where: path });
  const home = await openHome(path);
  const hold = await takeHold(home, "restore");
  if (hold === null) throw new PlatformError("HOME_IN_USE", { home: home.folder, pid: "unknown" });
  const log = createLog({ part: "supervisor", file: join(home.logFolder, "supervisor.log") });
  const database = await openDatabase({
    home,
    log,
    named: environment.DATABASE_URL,
    news: printedNews((line) => process.stderr.write(`${line}\n`)),
  });
  try {
    const restored = Restored.parse(
      JSON.parse(
        await runControlPlane({
          ...environment,
          DATABASE_URL: database.url,
          EVENKEEL_LISTEN_HOST: HOST,
          EVENKEEL_OBJECTS: home.objectFolder,
          EVENKEEL_BOOTSTRAP_TOKEN_FILE: home.tokenFile,
          EVENKEEL_RESTORE_FILE: file,
        }),
      ),
    );
    const manifest = await Manifest.open(home.manifestFile);
    const { takenAt, epoch, rows, objects } = restored;
    await manifest.setRestored(epoch);
    if (json) process.stdout.write(`${JSON.stringify({ ...restored, home: home.folder })}\n`);
    else {
      process.stdout.write(
        `Restored the installation as it was at ${takenAt}: ${rows} rows, ${objects} packages and buildpacks; generation ${epoch}.\n` +
          `Start it: EVENKEEL_HOME='${home.folder}' evenkeel up\n` +
          "What was under way is paused; `evenkeel restoration` tells what moved, as the hosts come back.\n",
      );
    }
    return 0;
  } finally {
    await database.stop();
    await hold.release();
  }
}

/** Runs the control plane's code for one restore; its last line of output is the result. */
async function runControlPlane(environment: NodeJS.ProcessEnv): Promise<string> {
  const entry = join(CODE_ROOT, "apps/control-plane/src/main.ts");
  const child = spawn(process.execPath, [entry], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (bytes) => {
      said[name] += bytes;
    });
  const [code] = await once(child, "close");
  if (code !== 0) throw problemIn(said.stderr);
  return said.stdout.trim().split("\n").at(-1) ?? "";
}

const Fatal = z.looseObject({ code: z.string(), facts: z.record(z.string(), z.unknown()) });

/** The control plane's last log line names what went wrong. */
function problemIn(text: string): PlatformError {
  for (const line of text.trim().split("\n").toReversed()) {
    const fatal = parsed(line);
    if (fatal !== null) return new PlatformError(fatal.code as never, fatal.facts);
  }
  return new PlatformError("PART_FAILED", { part: "the restore", problem: text.slice(-300), log: "the lines above" });
}

function parsed(line: string): z.infer<typeof Fatal> | null {
  try {
    return Fatal.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
