import { createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { allItems } from "@evenkeel/client/page";
import { bytes, line, span } from "@evenkeel/client/text/line";
import type { HostDrift } from "@evenkeel/contracts/backup";
import { PlatformError } from "@evenkeel/contracts/error";
import { syncFolder } from "@evenkeel/kit/durable-file";
import { type AddCommands, type Cli, commandLines } from "./context.ts";
import { table } from "./table.ts";
import { runSupervisor } from "./up.ts";

export const addBackupCommands: AddCommands = (program, run) => {
  program
    .command("backup")
    .argument("[file]", "default: evenkeel-<date>.backup")
    .description("saves all of the installation: database, packages, keys; changes may run meanwhile")
    .action(run(backup));
  program
    .command("restore")
    .argument("<file>", "made by `evenkeel backup`")
    .argument("[options...]", "--home DIR: the empty folder to restore into")
    .allowUnknownOption()
    .description("brings an installation back into an empty folder; `evenkeel up` starts it")
    .action(
      run(async (cli, file: string, options: string[]) => {
        const path = resolve(cli.io.cwd, file);
        await runSupervisor(["restore", path, ...options, ...(cli.json ? ["--json"] : [])], cli.io.env);
      }),
    );
  program
    .command("restoration")
    .description("after a restore: which hosts are back, and what runs otherwise than the backup says")
    .action(run(showRestoration));
};

async function backup(cli: Cli, given?: string): Promise<void> {
  const file = resolve(
    cli.io.cwd,
    given ?? `evenkeel-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.backup`,
  );
  const part = `${file}.part`;
  try {
    const body = Readable.fromWeb((await (await cli.client()).getBackup()) as never);
    // It holds secrets: nobody else may read it, from its first byte on.
    await pipeline(body, createWriteStream(part, { mode: 0o600 }));
    const handle = await open(part, "r");
    await handle.sync();
    await handle.close();
    await rename(part, file);
    await syncFolder(dirname(file));
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("BACKUP_UNREADABLE", { file, problem: (error as Error).message }, { cause: error });
  }
  const { size } = await stat(file);
  cli.answer({ file, sizeBytes: size }, [
    line(span("✔", "good"), ` ${file}  `, span(bytes(size), "dim")),
    line(span("  it holds tokens and keys: keep it where you would keep them", "dim")),
    ...commandLines(cli, [[`restore ${file} --home DIR`, "brings it back, on this machine or another"]]),
  ]);
}

const COLUMNS = [
  { title: "HOST", value: ({ name }: HostDrift) => span(name, "bold") },
  {
    title: "STATE",
    value: ({ state }: HostDrift) =>
      span(state, state === "as-backed-up" ? "good" : state === "moved" ? "bad" : "busy"),
  },
  { title: "DIFFERENCES", value: ({ differences }: HostDrift) => differences.join("; ") },
];

async function showRestoration(cli: Cli): Promise<void> {
  const client = await cli.client();
  const restoration = await client.getRestoration();
  const hosts = await allItems(client.listHostDrift, {});
  cli.answer({ ...restoration, hosts }, [
    line(`Backup of ${restoration.takenAt}, restored ${restoration.restoredAt}, generation ${restoration.epoch}`),
    ...table(hosts, COLUMNS, "No host was in the backup."),
  ]);
}
