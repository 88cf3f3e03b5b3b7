import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, ownIdentity } from "@evenkeel/kit/process-identity";
import { findServer } from "@evenkeel/postgres/launcher";

const PREFIX = "evenkeel-test-databases-";

/** Name of the variable that tells the test files where this run's database servers are. */
export const SERVERS_VARIABLE = "EVENKEEL_TEST_SERVERS";

/** Runs once before all test files: gives the run a folder for its servers, which the first user of each starts. */
export async function setup(): Promise<() => Promise<void>> {
  await removeAbandoned();
  const folder = makeServersFolder();
  process.env[SERVERS_VARIABLE] = folder;
  return () => removeServers(folder);
}

/** Makes a folder whose name tells which process answers for it. */
export function makeServersFolder(): string {
  const { pid, startTicks } = ownIdentity();
  return mkdtempSync(join(tmpdir(), `${PREFIX}${pid}-${startTicks}-`));
}

/** Stops the servers of this folder and removes it. */
export async function removeServers(folder: string): Promise<void> {
  for (const kind of readdirSync(folder)) {
    const server = await findServer(join(folder, kind, "data"));
    await server?.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}

/** A run that was killed could not remove its servers: the next one does. */
async function removeAbandoned(): Promise<void> {
  const { bootId } = ownIdentity();
  for (const name of readdirSync(tmpdir())) {
    const [, pid, startTicks] = new RegExp(`^${PREFIX}(\\d+)-(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || isAlive({ pid: Number(pid), startTicks: Number(startTicks), bootId })) continue;
    // Another user's run leaves what we may not remove.
    await removeServers(join(tmpdir(), name)).catch(() => undefined);
  }
}
