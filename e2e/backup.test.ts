import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Change } from "@evenkeel/contracts/change";
import { killIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { runCommand } from "@evenkeel/testkit/command";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterEach, expect, test } from "vitest";

const SUPERVISOR = fileURLToPath(new URL("../apps/supervisor/src/main.ts", import.meta.url));

const platforms: Platform[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const platform of platforms.splice(0).toReversed()) await platform.remove();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(options: Parameters<typeof startPlatform>[0] = {}): Promise<Platform> {
  const platform = await startPlatform(options);
  platforms.push(platform);
  return platform;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel backup "));
  folders.push(folder);
  return folder;
}

function restore(file: string, home: string) {
  const { status, stderr } = spawnSync(process.execPath, [SUPERVISOR, "restore", file, "--home", home], {
    encoding: "utf8",
  });
  return { status, stderr };
}

async function confirmNext({ client }: Platform, { id: changeId }: Pick<Change, "id">): Promise<void> {
  const { groups } = await client.getChange({ params: { changeId } });
  const batches = groups.flatMap((group) => group.batches).filter(({ state }) => state === "awaiting-confirmation");
  await client.confirmChange({ params: { changeId }, body: { batchIds: batches.map(({ batchId }) => batchId) } });
}

/** The machine of the control plane is lost; agents, gateway and applications live on. */
async function killControl(platform: Platform): Promise<void> {
  await platform.killSupervisor();
  const { "control-plane-1": controlPlane, postgres } = await platform.parts();
  for (const part of [controlPlane, postgres]) {
    if (part === undefined) throw new Error("a part is missing");
    killIdentity(part, "SIGKILL");
    expect(await waitGone(part, 20_000)).toBe(true);
  }
}

/** The machine is lost, and its backup restored on another one of the same address. */
async function moveTo(folder: string, old: Platform, file: string): Promise<Platform> {
  await killControl(old);
  const home = join(folder, "new home");
  expect(restore(file, home)).toMatchObject({ status: 0 });
  const port = new URL(old.controlPlanes[0] ?? "").port;
  return await start({ home, environment: { EVENKEEL_PORT: port } });
}

test("a backup taken in mid-release is restored on an empty machine: applications run on, hosts come back to a new generation, nothing runs twice", async () => {
  const old = await start();
  const shop = new Shop(old);
  expect(await shop.release({ version: "1.0.0" })).toMatchObject({ state: "succeeded", problem: null });
  const release = await shop.start({ version: "2.0.0", strategy: { beta: 1, batches: "all", confirm: "first" } });
  await until(old, release, ({ state }) => state === "awaiting-confirmation");
  const load = shop.load();

  const folder = newFolder();
  const file = join(folder, "all.backup");
  expect(await runCommand(old, ["backup", file])).toMatchObject({ code: 0 });
  expect(statSync(file).mode & 0o777).toBe(0o600);

  // What happens after the backup is what the restored installation does not know of.
  await confirmNext(old, release);
  expect((await settled(old, release)).state).toBe("succeeded");
  const pids = (await shop.instances()).map(({ pid }) => pid);
  const effects = shop.effects();
  const fresh = await moveTo(folder, old, file);
  expect(fresh.token).toBe(old.token);
  const { client } = fresh;

  await expect
    .poll(async () => (await client.listHostDrift()).items.map(({ state }) => state), { timeout: 60_000 })
    .not.toContain("away");
  const drift = (await client.listHostDrift()).items;
  expect(drift.map(({ name, state }) => [name, state]).toSorted()).toEqual([
    ["local-1", "as-backed-up"],
    ["local-2", "moved"],
    ["local-3", "moved"],
    ["local-4", "moved"],
  ]);
  expect(drift.find(({ name }) => name === "local-4")?.differences.join()).toContain("runs 2.0.0");
  expect((await client.getRestoration()).epoch).toBeGreaterThan(1);
  expect((await runCommand(fresh, ["restoration"])).stdout).toContain("moved");
  const change = await client.getChange({ params: { changeId: release.id } });
  expect({ state: change.state, code: change.problem?.code }).toEqual({ state: "paused", code: "RESTORED" });
  expect(change.allowedActions).toEqual(expect.arrayContaining(["resume", "rollback", "close"]));

  // Its plan takes for an empty place what serves since: nothing of that is stopped.
  await client.resumeChange({ params: { changeId: release.id }, body: {} });
  await until(fresh, release, ({ state }) => state === "awaiting-confirmation");
  await confirmNext(fresh, release);
  expect(await settled(fresh, release)).toMatchObject({ state: "failed", problem: { code: "INSTANCE_SERVES" } });

  const closed = await client.closeChange({
    params: { changeId: release.id },
    body: { reason: "it went on elsewhere" },
  });
  expect(closed.state).toBe("closed");
  expect(shop.effects()).toEqual(effects);
  expect((await shop.instances()).map(({ pid }) => pid)).toEqual(pids);

  const next = await shop.release({ version: "3.0.0" });
  expect(next).toMatchObject({ state: "succeeded", problem: null });
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("3.0.0"));
  const { failed, failures, requests } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(requests).toBeGreaterThan(500);
});

test("a backup that is older than what runs: every host goes on with what it has, and nobody outside sees anything", async () => {
  const old = await start();
  const shop = new Shop(old);
  expect(await shop.release({ version: "1.0.0" })).toMatchObject({ state: "succeeded" });
  const folder = newFolder();
  const file = join(folder, "all.backup");
  expect(await runCommand(old, ["backup", file])).toMatchObject({ code: 0 });

  // Of this version the backup knows nothing at all.
  expect(await shop.release({ version: "2.0.0" })).toMatchObject({ state: "succeeded" });
  const load = shop.load();
  const effects = shop.effects();
  const { client } = await moveTo(folder, old, file);
  const drift = async () => (await client.listHostDrift()).items.map(({ state }) => state);
  await expect.poll(drift, { timeout: 60_000 }).toEqual(Array(4).fill("moved"));

  // All four take their share by the new table too, which the gateway of the old machine has confirmed.
  const unknown = (await shop.instances()).map((one) => [
    one.traffic,
    one.state,
    one.packageVersion === one.revisionId,
  ]);
  expect(unknown).toEqual(Array(4).fill(["attached", "healthy", true]));
  const behind = async () =>
    (await client.listGateways()).items.flatMap(({ name, state, ackedVersion, tableVersion }) =>
      state === "online" && ackedVersion === tableVersion ? [] : [name],
    );
  await expect.poll(behind, { timeout: 60_000 }).toEqual([]);
  const answers = await Promise.all(Array.from({ length: 40 }, () => shop.ask()));
  expect(new Set(answers.map(({ text }) => JSON.parse(text).host))).toHaveProperty("size", 4);
  expect(shop.effects()).toEqual(effects);

  expect(await shop.release({ version: "3.0.0" })).toMatchObject({ state: "succeeded", problem: null });
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("3.0.0"));
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("a backup that was cut, one that is none, and a folder in use are refused, and nothing is left half restored", async () => {
  const platform = await start();
  const folder = newFolder();
  const file = join(folder, "all.backup");
  expect(await runCommand(platform, ["backup", file])).toMatchObject({ code: 0 });

  const inUse = restore(file, platform.home);
  expect(inUse.status).toBe(1);
  expect(inUse.stderr).toContain("RESTORE_NOT_EMPTY");

  const none = join(folder, "none.backup");
  writeFileSync(none, "not a backup at all ".repeat(100));
  expect(restore(none, join(folder, "a")).stderr).toContain("BACKUP_UNREADABLE");
  expect(restore(join(folder, "missing"), join(folder, "b")).stderr).toContain("BACKUP_UNREADABLE");
  expect(existsSync(join(folder, "b"))).toBe(false);

  truncateSync(file, Math.floor(statSync(file).size / 2));
  const cut = restore(file, join(folder, "c"));
  expect(cut.status).toBe(1);
  expect(cut.stderr).toContain("BACKUP_UNREADABLE");
  expect(existsSync(join(folder, "c", "token"))).toBe(false);
});
