import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Change } from "@evenkeel/contracts/change";
import type { Instance, Service } from "@evenkeel/contracts/service";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { afterAll, beforeAll, expect, test } from "vitest";

// One developer, one platform: each test goes on where the one before ended.

let platform: Platform;
let folder: string;

beforeAll(async () => {
  platform = await startPlatform();
  folder = mkdtempSync(join(tmpdir(), "developer-"));
});
afterAll(async () => {
  await platform.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command that the platform has left in its folder, not on a terminal. */
async function evenkeel(...line: readonly string[]) {
  const child = spawn(join(platform.home, "bin/evenkeel"), line, {
    cwd: join(folder, "shop"),
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder, XDG_CONFIG_HOME: join(folder, "config") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes) => (out.stdout += bytes));
  child.stderr.on("data", (bytes) => (out.stderr += bytes));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...out };
}

async function json<Value>(...line: readonly string[]): Promise<Value> {
  const { stdout, stderr } = await evenkeel(...line, "--json");
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Value;
}

function write(path: string, text: string): void {
  const file = join(folder, "shop", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const server = (version: string) => `
const { createServer } = require("node:http");
createServer((request, response) => response.end("shop ${version} " + process.env.GREETING)).listen(process.env.PORT, process.env.HOST);
console.log("shop ${version} is up");
`;

const manifest = (version: string, more = "") => `
application: shop
version: ${version}
start: node server.js
env: { GREETING: hello }
routes: [ { host: shop.localhost } ]
health: { tcp: true, startSeconds: 20 }
strategy: { beta: 1, batches: { by: zone }, minimumHealthySeconds: 0.2 }
${more}`;

/** What a visitor gets. */
function visit(): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(platform.gateway, { headers: { host: "shop.localhost" } }, (response) => {
      let text = `${response.statusCode} `;
      response.on("data", (bytes) => (text += bytes)).on("end", () => resolve(text));
    });
    call.on("error", reject).end();
  });
}

const instances = async () =>
  (await json<Service & { instances: Instance[] }>("service", "show", "shop")).instances.filter(
    ({ state }) => state !== "stopped",
  );

test("login finds the platform of this machine; init writes a manifest; plan stores nothing", async () => {
  write("server.js", server("1"));
  expect(await evenkeel("login")).toMatchObject({ code: 0, stdout: expect.stringContaining("as admin") });
  expect((await evenkeel("init")).code).toBe(0);
  expect(readFileSync(join(folder, "shop/evenkeel.yaml"), "utf8")).toContain("application: shop");
  const { code, stdout } = await evenkeel("plan");
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("4 hosts in 3 batches") });
  expect(stdout).toContain("missing     application shop");
  expect(await json("service", "list")).toEqual([]);
  expect(await json("application", "list")).toEqual([]);
});

test("the first deploy makes the application, and visitors reach it", async () => {
  write("evenkeel.yaml", manifest("1.0.0"));
  const { code, stdout, stderr } = await evenkeel("deploy");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("made the application shop");
  expect(stdout).toContain(`it answers at http://shop.localhost:${new URL(platform.gateway).port}/`);
  // What the instances say while they are released, each with its host before it.
  for (const name of ["local-1", "local-4"]) expect(stdout).toMatch(new RegExp(`${name} │ shop \\S+ is up`));
  expect(await visit()).toBe("200 shop 1 hello");
  expect((await instances()).map(({ hostName }) => hostName).sort()).toEqual([
    "local-1",
    "local-2",
    "local-3",
    "local-4",
  ]);
});

test("the same folder again uploads nothing, differs in nothing and replaces no process", async () => {
  const before = await instances();
  const { code, stdout } = await evenkeel("deploy");
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("what is planned runs already") });
  const pids = (all: readonly Instance[]) => all.map(({ hostName, pid }) => `${hostName} ${pid}`).sort();
  expect(pids(await instances())).toEqual(pids(before));
});

test("other bits under the same version are refused, and nothing changes", async () => {
  write("server.js", server("one, secretly changed"));
  const { code, stderr } = await evenkeel("deploy");
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("PACKAGE_VERSION_TAKEN") });
  expect(await visit()).toBe("200 shop 1 hello");
});

test("a version that does not start stops at the beta host with its own words, and visitors notice nothing", async () => {
  write("server.js", 'require("./prices.json");');
  write("evenkeel.yaml", manifest("1.1.0"));
  const { code, stdout } = await evenkeel("deploy");
  expect(code).toBe(1);
  expect(stdout).toContain("START_FAILED");
  expect(stdout).toContain("│ Error: Cannot find module './prices.json'");
  expect(await visit()).toBe("200 shop 1 hello");
  const failed = await json<Change>("change", "show", "latest");
  expect(failed.state).toBe("failed");
  const offered = [...stdout.matchAll(/evenkeel change ([a-z-]+) /g)].map(([, verb]) => verb);
  expect(new Set(offered)).toEqual(new Set([...failed.allowedActions, "show"]));
});

test("while a failed release holds the service another is told who holds it, and the named way frees it", async () => {
  write("server.js", server("1.2"));
  write("evenkeel.yaml", manifest("1.2.0"));
  const held = await evenkeel("deploy");
  expect(held).toMatchObject({ code: 1, stderr: expect.stringContaining("LOCK_HELD") });
  const [failed] = await json<Change[]>("change", "list");
  expect((await evenkeel("change", "rollback", failed?.id ?? "", "--reason", "typo", "--watch")).code).toBe(0);
  expect(await json("lock", "list")).toEqual([]);
  expect((await evenkeel("deploy")).code).toBe(0);
  expect(await visit()).toBe("200 shop 1.2 hello");
});

test("a confirmation stands before the second batch, and only the beta host has the new version until then", async () => {
  write("server.js", server("2"));
  write("evenkeel.yaml", manifest("2.0.0"));
  expect((await evenkeel("deploy", "--confirm", "first", "--no-watch")).code).toBe(0);
  const waiting = async () => (await json<Change>("change", "show", "latest")).state === "awaiting-confirmation";
  await expect.poll(waiting, { timeout: 60_000 }).toBe(true);
  const onNew = (await instances()).filter(({ packageVersion }) => packageVersion === "2.0.0");
  expect(onNew.map(({ hostName }) => hostName)).toEqual(["local-1"]);
  expect((await evenkeel("change", "confirm", "latest")).code).toBe(0);
  expect((await evenkeel("change", "watch", "latest")).code).toBe(0);
  expect(await visit()).toBe("200 shop 2 hello");
});

test("follow and fast go back in different batches, and both end in the very revision of before", async () => {
  const before = await json<Service>("service", "show", "shop");
  const sequences: string[][] = [];
  for (const speed of ["follow", "fast"]) {
    write("evenkeel.yaml", manifest("3.0.0", "replace: surge\n"));
    write("server.js", server("3"));
    expect((await evenkeel("deploy")).code).toBe(0);
    expect(
      (await evenkeel("change", "rollback", "latest", "--speed", speed, "--reason", "trial", "--watch")).code,
    ).toBe(0);
    const { groups } = await json<Change>("change", "show", "latest");
    sequences.push(
      groups.flatMap(({ batches }) => batches.map(({ targets }) => targets.map(({ name }) => name).join())),
    );
    const after = await json<Service>("service", "show", "shop");
    expect(after.revision?.digest).toBe(before.revision?.digest);
    expect(await visit()).toBe("200 shop 2 hello");
  }
  expect(sequences).toEqual([["local-1", "local-2", "local-3,local-4"], ["local-1,local-2,local-3,local-4"]]);
});

test("logs are the application's own, and a parameter takes effect with the next release", async () => {
  const { stdout } = await evenkeel("logs", "shop", "--lines", "50", "--host", "local-3");
  expect(stdout).toContain("shop 2 is up");
  expect(stdout).not.toContain("local-1");
  write("evenkeel.yaml", manifest("2.0.0").replace("hello", "welcome"));
  write("server.js", server("2"));
  const plan = await evenkeel("plan");
  expect(plan.stdout).toContain("env.GREETING  hello → welcome");
  expect((await evenkeel("deploy", "--batches", "all", "--beta", "0")).code).toBe(0);
  expect(await visit()).toBe("200 shop 2 welcome");
});

test("any executable is an application, and a script with Windows line ends is named before it runs", async () => {
  write(
    "evenkeel.yaml",
    "application: tick\nversion: 1.0.0\nbuildpack: process\nstart: ./tick {host} {port}\nhosts: [local-2]\n",
  );
  const script =
    '#!/bin/sh\nexec node -e \'require("node:http").createServer((q, s) => s.end()).listen(process.argv[2], process.argv[1])\' "$@"\n';
  write("tick", script.replaceAll("\n", "\r\n"));
  chmodSync(join(folder, "shop/tick"), 0o755);
  const crlf = await evenkeel("deploy");
  expect(crlf.code).toBe(1);
  expect(crlf.stdout).toContain("tick has Windows line ends (CRLF)");
  expect(crlf.stdout).toContain("SCRIPT_CRLF");
  expect((await evenkeel("change", "close", "latest", "--reason", "line ends")).code).toBe(0);
  write("tick", script);
  expect((await evenkeel("deploy", "--package-version", "1.0.1")).code).toBe(0);
});

test("doctor finds nothing wrong in the end", async () => {
  const { code, stdout } = await evenkeel("doctor");
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing is wrong") });
});
