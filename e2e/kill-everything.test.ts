import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isAlive, killIdentity, type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { type Platform, spawnPlatform, startPlatform } from "@evenkeel/testkit/platform";
import { afterEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const platforms: Platform[] = [];

afterEach(async () => {
  for (const platform of platforms.splice(0).toReversed()) await platform.remove();
});

async function start(home?: string): Promise<Platform> {
  const platform = await startPlatform(home === undefined ? {} : { home });
  platforms.push(platform);
  return platform;
}

/** Releases the sample application the way a person does: with the command that the platform left in its folder. */
async function deploy({ home }: Platform, version: string): Promise<void> {
  const child = spawn(join(home, "bin/evenkeel"), ["deploy"], {
    cwd: join(ROOT, "examples/hello", version),
    env: { ...process.env, EVENKEEL_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`evenkeel deploy ended with ${code}:\n${text}`);
}

interface Greeting {
  readonly version: string;
  readonly pid: number;
}

/** One request through the gateway on a connection of its own. */
function greet(gateway: string): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, headers: { host: "hello.localhost" }, timeout: 20_000 };
    const call = request(gateway, options, (response) => {
      let text = "";
      response.on("data", (bytes) => {
        text += bytes;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as Greeting);
        else reject(new Error(`answer ${response.statusCode}: ${text}`));
      });
    });
    call.on("timeout", () => call.destroy(new Error("no answer in 20 s")));
    call.on("error", reject);
    call.end();
  });
}

/** The processes that answer for the sample application: one on each of the four hosts. */
async function instances(gateway: string): Promise<ProcessIdentity[]> {
  const pids = new Set<number>();
  for (let asked = 0; asked < 200 && pids.size < 4; asked += 1) pids.add((await greet(gateway)).pid);
  return [...pids]
    .toSorted((a, b) => a - b)
    .map((pid) => readIdentity(pid))
    .filter((identity) => identity !== null);
}

test("after kill -9 of everything at once up goes on, and the running applications were never stopped", async () => {
  const first = await start();
  await deploy(first, "1.0.0");
  const before = await instances(first.gateway);
  expect(before).toHaveLength(4);
  const parts = await first.parts();
  await first.killSupervisor();
  for (const part of Object.values(parts)) killIdentity(part, "SIGKILL");
  expect(before.filter(isAlive)).toEqual(before);

  const second = await start(first.home);
  expect(before.filter(isAlive)).toEqual(before);
  expect(await instances(second.gateway)).toEqual(before);
  await deploy(second, "2.0.0");
  expect((await greet(second.gateway)).version).toBe("2.0.0");
  await expect.poll(() => before.filter(isAlive), { timeout: 30_000 }).toEqual([]);
});

test("no request is lost while supervisor, control plane, database and agents are killed and come back", async () => {
  const platform = await start();
  await deploy(platform, "1.0.0");
  const before = await instances(platform.gateway);
  let over = false;
  const outcomes: Promise<string>[] = [];
  const load = (async () => {
    for (; !over; await sleep(10)) outcomes.push(greet(platform.gateway).then(({ version }) => version, String));
  })();
  await platform.killSupervisor();
  const parts = await platform.parts();
  for (const name of Object.keys(parts).filter((each) => each !== "gateway")) {
    killIdentity(parts[name] as ProcessIdentity, "SIGKILL");
  }
  const second = await start(platform.home);
  over = true;
  await load;
  expect((await second.parts()).gateway).toEqual(parts.gateway);
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["1.0.0"]));
  expect(outcomes.length).toBeGreaterThan(50);
  expect(before.filter(isAlive)).toEqual(before);
});

test("Ctrl-C stops the applications last, and the next start brings back what ran", async () => {
  const first = await start();
  await deploy(first, "1.0.0");
  const before = await instances(first.gateway);
  expect(await first.interrupt()).toBe(0);
  expect(before.filter(isAlive)).toEqual([]);
  expect(await first.parts()).toEqual({});
  const second = await start(first.home);
  const serving = (): Promise<number> =>
    instances(second.gateway).then(
      ({ length }) => length,
      () => 0,
    );
  await expect.poll(serving, { timeout: 60_000 }).toBe(4);
  expect((await greet(second.gateway)).version).toBe("1.0.0");
});

test("a single run without a home leaves no process and no folder behind", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "once-"));
  const child = spawn(
    process.execPath,
    [join(ROOT, "apps/supervisor/src/main.ts"), "up", "--once", "--empty", "--json"],
    {
      env: { ...process.env, EVENKEEL_HOME: "", TMPDIR: temporary },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let text = "";
  child.stdout.on("data", (bytes) => (text += bytes));
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  const { endpoints } = JSON.parse(text.trim().split("\n").at(-1) ?? "") as {
    endpoints: { home: string; gateway: string };
  };
  expect(endpoints.home.startsWith(temporary)).toBe(true);
  expect(existsSync(endpoints.home)).toBe(false);
  expect(readdirSync(temporary)).toEqual([]);
  await expect(greet(endpoints.gateway)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  rmSync(temporary, { recursive: true });
});

test("where the database does not come up after a crash, users are served all the same", async () => {
  const first = await start();
  await deploy(first, "1.0.0");
  const parts = await first.parts();
  await first.killSupervisor();
  for (const part of Object.values(parts)) killIdentity(part, "SIGKILL");
  const settings = join(first.home, "postgres/cluster/postgresql.auto.conf");
  const sound = readFileSync(settings, "utf8");
  appendFileSync(settings, "no_such_setting = on\n");
  const broken = await spawnPlatform({ home: first.home });
  await expect(broken.ready()).rejects.toThrow("no_such_setting");
  const { gateway } = JSON.parse(readFileSync(join(first.home, "run/endpoints.json"), "utf8")) as { gateway: string };
  expect((await greet(gateway)).version).toBe("1.0.0");

  writeFileSync(settings, sound);
  const second = await start(first.home);
  await deploy(second, "2.0.0");
  expect((await greet(second.gateway)).version).toBe("2.0.0");
});
