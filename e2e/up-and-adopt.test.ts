import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endIdentity, isAlive, killIdentity, type ProcessIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { newerClone } from "@evenkeel/testkit/newer-clone";
import { type Platform, spawnPlatform, startPlatform } from "@evenkeel/testkit/platform";
import { afterEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const AGENTS = ["agent-local-1", "agent-local-2", "agent-local-3", "agent-local-4"];
const ALL = [...AGENTS, "control-plane-1", "gateway", "postgres"];

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

async function onlineHosts({ client }: Platform): Promise<string[]> {
  const { items } = await client.listHosts({ query: { workspace: "local" } });
  return items
    .filter(({ state }) => state === "online")
    .map(({ name }) => name)
    .toSorted();
}

const namesOf = async (platform: Platform): Promise<string[]> => Object.keys(await platform.parts()).toSorted();

/** Runs `up` once more and waits for its end. */
async function runUp(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ code: unknown; text: string }> {
  const child = spawn(process.execPath, [join(ROOT, "apps/supervisor/src/main.ts"), "up", ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
  const [code] = await once(child, "close");
  return { code, text };
}

test("up starts every part with four hosts in two zones; a second start says who holds the folder and opens that one", async () => {
  const platform = await start();
  expect(await namesOf(platform)).toEqual(ALL);
  expect(await onlineHosts(platform)).toEqual(["local-1", "local-2", "local-3", "local-4"]);
  const { items } = await platform.client.listHosts({ query: { workspace: "local" } });
  const zones = Object.fromEntries(items.map(({ name, zone }) => [name, zone]));
  expect(zones).toEqual({ "local-1": "a", "local-2": "a", "local-3": "b", "local-4": "b" });
  expect(new Set(items.map(({ address }) => address)).size).toBe(4);
  expect(statSync(join(platform.home, "token")).mode & 0o777).toBe(0o600);
  expect(statSync(join(platform.home, "bin/evenkeel")).mode & 0o111).not.toBe(0);

  const second = await runUp(["--home", platform.home]);
  expect(second.code).toBe(0);
  expect(second.text).toContain(`process ${platform.supervisor.pid}`);
  expect(second.text).toContain(platform.controlPlanes[0]);
  const once = await runUp(["--home", platform.home, "--once"]);
  expect([once.code, once.text]).toEqual([1, expect.stringContaining("HOME_IN_USE")]);
  expect(await namesOf(platform)).toEqual(ALL);
});

test("a port that was set and is taken is PORT_TAKEN, and nothing is left running", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  for (const name of ["EVENKEEL_PORT", "EVENKEEL_GATEWAY_PORT"]) {
    const { platform, ready } = await spawnPlatform({ environment: { [name]: String(port) } });
    platforms.push(platform);
    await expect(ready()).rejects.toThrow("PORT_TAKEN");
    expect(await platform.parts()).toEqual({});
  }
  server.close();
});

test("a port that was set for the gateway and lies in the range of the replicas is PORT_TAKEN by our own part", async () => {
  const environment = { EVENKEEL_PORT: "9710", EVENKEEL_GATEWAY_PORT: "9712" };
  const { platform, ready } = await spawnPlatform({ args: ["--empty", "--replicas", "3"], environment });
  platforms.push(platform);
  await expect(ready()).rejects.toThrow(/9712 is taken by our own gateway.*PORT_TAKEN/);
  expect(await platform.parts()).toEqual({});
});

test("after kill -9 of the supervisor everything runs on, and the next start adopts all of it", async () => {
  const first = await start();
  const before = await first.parts();
  await first.killSupervisor();
  expect(await first.parts()).toEqual(before);
  expect((await fetch(`${first.controlPlanes[0]}/api/v1/health`)).status).toBe(200);
  const second = await start({ home: first.home });
  expect(await second.parts()).toEqual(before);
  expect([second.controlPlanes, second.gateway]).toEqual([first.controlPlanes, first.gateway]);
});

test("each part that is killed comes back, and the hosts with it", async () => {
  const platform = await start();
  for (const name of ["control-plane-1", "postgres", "gateway", "agent-local-2"]) {
    const victim = (await platform.parts())[name] as ProcessIdentity;
    killIdentity(victim, "SIGKILL");
    await expect
      .poll(async () => (await platform.parts())[name]?.pid ?? victim.pid, { timeout: 60_000 })
      .not.toBe(victim.pid);
    await expect.poll(() => platform.output(), { timeout: 60_000 }).toContain(`${name} is back`);
    // The database is no child of the supervisor.
    const how = name === "postgres" ? "how is not known" : "SIGKILL";
    expect(platform.output()).toContain(`${name} ended (${how}); it is started again`);
  }
  await expect.poll(() => onlineHosts(platform).catch(() => []), { timeout: 60_000 }).toHaveLength(4);
  await expect.poll(() => namesOf(platform), { timeout: 60_000 }).toEqual(ALL);
});

test("after kill -9 of everything at once the next start brings all of it back", async () => {
  const first = await start();
  const before = await first.parts();
  await first.killSupervisor();
  for (const identity of Object.values(before)) killIdentity(identity, "SIGKILL");
  const second = await start({ home: first.home });
  const after = await second.parts();
  expect(Object.keys(after).toSorted()).toEqual(ALL);
  for (const name of ALL) expect(after[name]?.pid).not.toBe(before[name]?.pid);
  expect(await onlineHosts(second)).toHaveLength(4);
});

test("kill -9 of the supervisor at any point of its first start leaves nothing that the next start cannot take over", async () => {
  let home: string | undefined;
  for (let round = 0; round < 6; round += 1) {
    const { platform } = await spawnPlatform({ ...(home !== undefined && { home }) });
    if (home === undefined) platforms.push(platform);
    home = platform.home;
    await sleep(100 + Math.random() * 2500);
    await platform.killSupervisor();
    await platform.parts();
  }
  const last = await start({ home: home ?? "" });
  expect(await namesOf(last)).toEqual(ALL);
  expect(await onlineHosts(last)).toEqual(["local-1", "local-2", "local-3", "local-4"]);
});

test("a killed gateway loses only what it had accepted: connections made meanwhile wait and are answered", async () => {
  const platform = await start();
  const port = Number(new URL(platform.gateway).port);
  const asked: Promise<Asked>[] = [];
  const kills: { sentMs: number; goneMs: number }[] = [];
  let over = false;
  const load = (async () => {
    for (; !over; await sleep(5)) asked.push(ask(port));
  })();
  for (let kill = 0; kill < 4; kill += 1) {
    await sleep(500);
    const victim = (await platform.parts()).gateway as ProcessIdentity;
    const sentMs = performance.now();
    killIdentity(victim, "SIGKILL");
    expect(await waitGone(victim, 60_000)).toBe(true);
    kills.push({ sentMs, goneMs: performance.now() });
    expect((await ask(port)).outcome).toBe("404");
    await expect
      .poll(async () => (await platform.parts()).gateway?.pid ?? victim.pid, { timeout: 60_000 })
      .not.toBe(victim.pid);
  }
  await sleep(500);
  over = true;
  await load;
  const all = await Promise.all(asked);
  const lost = all.filter(({ outcome }) => outcome !== "404");
  // Begun before its process was gone and ended after the kill: nothing else may be lost, however slow the machine.
  const accepted = ({ begunMs, endedMs }: Asked): boolean =>
    kills.some(({ sentMs, goneMs }) => begunMs <= goneMs && endedMs >= sentMs);
  expect(lost.filter((one) => one.outcome !== "ECONNRESET" || !accepted(one))).toEqual([]);
  expect(all.length).toBeGreaterThan(lost.length);
});

interface Asked {
  readonly begunMs: number;
  readonly endedMs: number;
  /** The status of the answer, or the code of what went wrong. */
  readonly outcome: string;
}

/** One request on a connection of its own. */
function ask(port: number): Promise<Asked> {
  const begunMs = performance.now();
  return new Promise((done) => {
    const resolve = (outcome: string): void => done({ begunMs, endedMs: performance.now(), outcome });
    const call = request({ host: "127.0.0.1", port, agent: false, timeout: 20_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
    });
    call.on("timeout", () => call.destroy(Object.assign(new Error("time"), { code: "TIMEOUT" })));
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

test("Ctrl-C stops everything in order, also in the middle of the start, and the next start brings it back", async () => {
  const early = await spawnPlatform({});
  platforms.push(early.platform);
  // The database is there and the control plane is not: the middle of the start.
  await expect.poll(() => early.platform.output(), { timeout: 60_000 }).toContain("PostgreSQL");
  expect(early.platform.output()).not.toContain("API");
  expect(await early.platform.interrupt()).toBe(0);
  expect(await early.platform.parts()).toEqual({});

  const first = await start({ home: early.platform.home });
  const before = await first.parts();
  expect(await first.interrupt()).toBe(0);
  expect(Object.values(before).filter(isAlive)).toEqual([]);
  expect(existsSync(join(first.home, "run/endpoints.json"))).toBe(false);
  const second = await start({ home: first.home });
  expect(await onlineHosts(second)).toHaveLength(4);
});

const NOBODY = 65534;
const nobodyReadsUs =
  process.getuid?.() === 0 &&
  spawnSync("test", ["-r", import.meta.filename], { uid: NOBODY, gid: NOBODY, stdio: "ignore" }).status === 0;
if (!nobodyReadsUs) console.log("skipped: only root can become another user, and only where he may read this folder");

test.skipIf(!nobodyReadsUs)("an ordinary user has his platform, every process of it his own", async () => {
  const platform = await start({ uid: NOBODY });
  const parts = await platform.parts();
  expect(Object.keys(parts).toSorted()).toEqual(ALL);
  for (const { pid } of Object.values(parts)) expect(statSync(`/proc/${pid}`).uid).toBe(NOBODY);
  expect(await onlineHosts(platform)).toHaveLength(4);
  expect(await platform.interrupt()).toBe(0);
  expect(await platform.parts()).toEqual({});
});

test("replicas run on consecutive ports, and fewer of them are started next time", async () => {
  const first = await start({ args: ["--empty", "--replicas", "2"] });
  expect(await namesOf(first)).toEqual([...ALL, "control-plane-2"].toSorted());
  const [one, two] = first.controlPlanes.map((url) => Number(new URL(url).port));
  expect(two).toBe((one ?? 0) + 1);
  await first.killSupervisor();
  const second = await start({ home: first.home });
  expect(await namesOf(second)).toEqual(ALL);
  expect(await onlineHosts(second)).toHaveLength(4);
});

test("up from newer code replaces supervisor and control plane; gateway, agents and database stay", async () => {
  const first = await start();
  const before = await first.parts();
  const { folder: newer } = newerClone();
  folders.push(newer);
  const supervisorEnded = once(first.supervisor, "exit");
  const second = await start({ home: first.home, root: newer });
  await supervisorEnded;
  const after = await second.parts();
  const moved = ALL.filter((name) => after[name]?.pid !== before[name]?.pid);
  expect(moved).toEqual(["control-plane-1"]);
  expect(await onlineHosts(second)).toHaveLength(4);
  await endIdentity(before["control-plane-1"] as ProcessIdentity, "SIGKILL", 1000);
});
