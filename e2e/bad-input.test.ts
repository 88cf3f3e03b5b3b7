import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Change, TargetView } from "@evenkeel/contracts/change";
import { type ErrorCode, ProblemDocument } from "@evenkeel/contracts/error";
import { killIdentity } from "@evenkeel/kit/process-identity";
import { runCommand } from "@evenkeel/testkit/command";
import { joinHost } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
let shop: Shop;
const mounts: string[] = [];
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterAll(async () => {
  for (const folder of mounts) spawnSync("umount", ["-l", folder]);
  await platform.remove();
});

/** Everything that a refused input could have changed. */
async function whatIsThere() {
  const { client } = platform;
  const [changes, packages, services, locks] = await Promise.all([
    client.listChanges(),
    client.listPackages(),
    client.listServices(),
    client.listLocks(),
  ]);
  return { changes, packages, services, locks, instances: await shop.instances(), effects: shop.effects() };
}

/** Plans and deploys a folder with this manifest; the refusal is told with what to do and the code, and leaves everything as it was. */
async function expectRefused(fields: Record<string, unknown>, code: ErrorCode): Promise<string> {
  const folder = join(platform.home, "test/refused");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "server.mjs"), "// never started");
  writeFileSync(
    join(folder, "evenkeel.yaml"),
    JSON.stringify({ application: "shop", version: "9.9.9", ...fields }, null, 1),
  );
  const before = await whatIsThere();
  const { stderr } = await runCommand(platform, ["plan"], { folder });
  const deployed = await runCommand(platform, ["deploy"], { folder });
  expect(deployed).toMatchObject({ code: 1, stderr });
  expect(stderr).toContain(code);
  const [sentence = "", remedy = ""] = stderr.split("\n");
  expect(sentence).toMatch(/^✖ .{10,}\.$/);
  expect(remedy.trim().length).toBeGreaterThan(code.length + 10);
  expect(await whatIsThere()).toEqual(before);
  return sentence;
}

/** Asks the API and expects a problem document. */
async function problemOf(path: string, init: RequestInit & { token?: string }): Promise<ProblemDocument> {
  const { token = platform.token, ...rest } = init;
  const response = await fetch(`${platform.controlPlanes[0]}/api/v1${path}`, {
    ...rest,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  const problem = ProblemDocument.parse(await response.json());
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  expect(problem.status).toBe(response.status);
  expect(problem.title.length * problem.detail.length).toBeGreaterThan(0);
  return problem;
}

test("a manifest that cannot be released is refused before anything is touched", async () => {
  await expectRefused({ buildpack: "process" }, "START_MISSING");
  expect(await expectRefused({ strategie: {} }, "MANIFEST_INVALID")).toContain("strategie");
  expect(await expectRefused({ start: "true", hosts: ["nowhere"] }, "HOSTS_NONE")).toContain("nowhere");
  const { client } = platform;
  await client.createWorkspace({ body: { name: "quiet", zones: ["a"] } });
  const elsewhere = { start: "node server.mjs", workspace: "quiet" };
  expect(await expectRefused(elsewhere, "HOSTS_NONE")).toContain("quiet");
  const { token } = await client.createJoinToken({ body: { workspace: "quiet", zone: "a" } });
  const about = { name: "silent", address: "127.0.99.20", journalId: "jrn_00000000000000000000", bootId: "none" };
  await client.joinHost({ body: { token, ...about } });
  expect(await expectRefused(elsewhere, "HOSTS_OFFLINE")).toContain("1");
});

test("the API refuses unknown fields, unknown tokens, large bodies and a version with other bits, each by its code", async () => {
  const before = await whatIsThere();
  const spec = { application: "shop", package: { version: "1.0.0" }, batch: 3 };
  const unknown = await problemOf("/changes", {
    method: "POST",
    body: JSON.stringify({ kind: "release-order", spec }),
  });
  expect(unknown).toMatchObject({ status: 400, code: "INPUT_UNKNOWN_FIELD", title: expect.stringContaining("batch") });
  expect(await problemOf("/changes", { token: "nobody" })).toMatchObject({ status: 401, code: "TOKEN_UNKNOWN" });
  const large = JSON.stringify({ name: "large", description: "x".repeat(20 * 1024 ** 2) });
  expect(await problemOf("/applications", { method: "POST", body: large })).toMatchObject({
    ...{ status: 413, code: "BODY_TOO_LARGE", facts: { limitBytes: expect.any(Number) } },
  });
  const other = { application: "shop", version: "1.0.0", digest: `sha256:${"0".repeat(64)}`, sizeBytes: 10 };
  const taken = await problemOf("/uploads", { method: "POST", body: JSON.stringify(other) });
  expect(taken).toMatchObject({ status: 409, code: "PACKAGE_VERSION_TAKEN", title: expect.stringContaining("1.0.0") });
  expect(await whatIsThere()).toEqual(before);
  const login = await runCommand(platform, ["login", platform.controlPlanes[0] ?? "", "--token", "nobody"]);
  expect([login.code, login.stderr]).toEqual([1, expect.stringContaining("TOKEN_UNKNOWN")]);
});

test("a release while another holds the service names the holder, since when and why, and the queue is there for who waits", async () => {
  const { client } = platform;
  const holding = await shop.start({ version: "2.0.0", strategy: { confirm: "first", batches: { count: 2 } } });
  expect((await settled(platform, holding)).state).toBe("awaiting-confirmation");
  const second = await shop.plan({ version: "3.0.0" });
  const before = await whatIsThere();
  const problem = await problemOf(`/changes/${second.id}/start`, { method: "POST", body: "{}" });
  expect(problem).toMatchObject({ status: 409, code: "LOCK_HELD", detail: expect.stringContaining("--wait") });
  expect(problem.title).toContain("shop: release 2.0.0");
  expect(Date.parse(String(problem.facts.since))).toBeLessThan(Date.now());
  expect(await whatIsThere()).toEqual(before);
  const waiting = await client.startChange({ params: { changeId: second.id }, body: { wait: true } });
  expect([waiting.state, waiting.waitingFor]).toEqual(["scheduled", expect.stringContaining("shop")]);
  await client.cancelChange({ params: { changeId: second.id }, body: {} });
  await client.cancelChange({ params: { changeId: holding.id }, body: {} });
  await until(platform, holding, ({ state }) => state === "cancelled");
});

const targetOf = ({ groups }: Change, host: string): TargetView => {
  const targets = groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  const found = targets.find(({ name }) => name === host);
  if (found === undefined) throw new Error(`no target ${host}`);
  return found;
};

test("a fixed port that a foreign process holds fails the release with the holder's name, and the foreign one lives", async () => {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const fixed = new Shop(platform, "fixed");
  const failed = await fixed.release({ version: "1.0.0", manifest: { port, hosts: ["local-2"] } });
  expect(failed.state).toBe("failed");
  expect(failed.allowedActions).toEqual(expect.arrayContaining(["retry", "rollback"]));
  const { problem } = targetOf(failed, "local-2");
  expect(problem).toMatchObject({
    code: "PORT_TAKEN",
    facts: { port, holder: expect.stringContaining(String(process.pid)) },
  });
  const shown = await runCommand(platform, ["change", "show", failed.id]);
  expect(shown.stdout).toContain("PORT_TAKEN");
  expect(server.listening).toBe(true);
  server.close();
  await once(server, "close");
  const { client } = platform;
  await client.retryChange({ params: { changeId: failed.id }, body: {} });
  const over = await until(platform, failed, ({ state }) => state === "succeeded" || state === "failed");
  expect(over.state).toBe("succeeded");
  expect((await fixed.ask()).version).toBe("1.0.0");
});

test("a host that vanishes in the middle of its batch is named, the others serve on, and what frees the change is offered", async () => {
  const { agent } = await joinHost(platform, { name: "shaky", address: "127.0.99.12" });
  const spread = new Shop(platform, "spread");
  const manifest = { hosts: ["local-1", "shaky"] };
  expect((await spread.release({ version: "1.0.0", manifest })).state).toBe("succeeded");
  const strategy = { batches: "each", minimumHealthySeconds: 6 };
  const release = await spread.start({ version: "2.0.0", manifest, strategy });
  await until(platform, release, (change) => {
    const step = targetOf(change, "shaky").steps.find(({ name }) => name === "await-health");
    return step?.state === "running";
  });
  killIdentity(agent, "SIGKILL");
  const failed = await settled(platform, release);
  expect(failed).toMatchObject({ state: "failed", targets: { unknown: 1, succeeded: 1 } });
  expect(failed.allowedActions).toEqual(expect.arrayContaining(["declare-lost", "rollback", "close"]));
  expect(targetOf(failed, "shaky").problem).toMatchObject({ code: "HOST_LOST", facts: { host: "shaky" } });
  for (let asked = 0; asked < 10; asked += 1) expect((await spread.ask()).status).toBe(200);
  const { stdout } = await runCommand(platform, ["change", "show", failed.id]);
  expect(stdout).toContain("HOST_LOST");
  expect(stdout).toContain("declare-lost");
});

/** A disk of 16 MB at this folder; false where this user may not mount one. */
function mountSmallDisk(folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], { stdio: "ignore" });
  if (status === 0) mounts.push(folder);
  return status === 0;
}

const mayMount = process.getuid?.() === 0 && spawnSync("unshare", ["-m", "true"], { stdio: "ignore" }).status === 0;
if (!mayMount) console.log("skipped: only root, where he may mount, has the small disk of a full host");

test.skipIf(!mayMount)(
  "a full disk at the host is told with its free bytes before anything is touched, and the old version serves on",
  async () => {
    const folder = join(platform.home, "agents/small");
    expect(mountSmallDisk(folder)).toBe(true);
    await joinHost(platform, { name: "small", address: "127.0.99.13" });
    const heavy = new Shop(platform, "heavy");
    const manifest = { hosts: ["small"] };
    expect((await heavy.release({ version: "1.0.0", manifest })).state).toBe("succeeded");
    const before = await heavy.instances();
    const files = { "blob.txt": randomBytes(10 * 1024 ** 2).toString("base64") };
    const failed = await heavy.release({ version: "2.0.0", manifest, files });
    expect(failed.state).toBe("failed");
    const { problem } = targetOf(failed, "small");
    expect(problem).toMatchObject({ code: "DISK_FULL", remedy: expect.stringContaining("Free some space") });
    expect(Number(problem?.facts.freeBytes)).toBeLessThan(16 * 1024 ** 2);
    expect(Number(problem?.facts.neededBytes)).toBeGreaterThan(Number(problem?.facts.freeBytes));
    expect((await heavy.instances()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    expect((await heavy.ask()).version).toBe("1.0.0");
  },
);
