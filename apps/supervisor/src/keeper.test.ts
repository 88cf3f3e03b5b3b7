import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { logTo } from "@evenkeel/kit/log";
import { endIdentity, isAlive, killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";
import { bindSocket } from "@evenkeel/kit/socket-handover";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type BackOff, Keeper } from "./keeper.ts";
import { Manifest } from "./manifest.ts";
import type { Death } from "./news.ts";
import { findMarked, type PartPlace, type PartSpec, startPart } from "./part.ts";

let home: string;
let lines: Record<string, unknown>[];
let told: unknown[];
const keepers: Keeper[] = [];
const drivers: ChildProcess[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "keeper "));
  lines = [];
  told = [];
});

afterEach(async () => {
  for (const keeper of keepers.splice(0)) keeper.release();
  for (const driver of drivers.splice(0)) driver.kill("SIGKILL");
  await Promise.all(findMarked(home).map(({ identity }) => endIdentity(identity, "SIGKILL", 5000)));
  rmSync(home, { recursive: true, force: true });
});

const place = (): PartPlace => ({ home, logFolder: home, version: "1.0.0" });

async function openKeeper(backOff?: BackOff): Promise<Keeper> {
  const log = logTo({ write: (line) => void lines.push(JSON.parse(line)) }, { part: "test" });
  const manifest = await Manifest.open(join(home, "manifest.json"));
  const news = { died: (death: Death) => told.push(death), back: (name: string) => told.push(name) };
  const keeper = new Keeper({ place: place(), manifest, log, news, ...(backOff && { backOff }) });
  keepers.push(keeper);
  return keeper;
}

/** A part whose module is this text. */
function part(name: string, module: string, more: Partial<PartSpec> = {}): PartSpec {
  const entry = join(home, `${name}.mjs`);
  writeFileSync(entry, module);
  return {
    name,
    entry,
    environment: async () => ({ COLOUR: "green" }),
    stop: { signal: "SIGTERM", ms: 5000 },
    ...more,
  };
}

const STEADY = "console.log('up', process.env.COLOUR); setInterval(() => undefined, 1e6);";

/** Exactly one process of each name lives, by the marks that no record can hide. */
const alive = (): string[] =>
  findMarked(home)
    .map(({ part: name }) => name)
    .toSorted();

async function identityOf(keeper: Keeper, name: string, not?: ProcessIdentity): Promise<ProcessIdentity> {
  await expect.poll(() => keeper.identityOf(name)?.pid ?? not?.pid, { timeout: 20_000 }).not.toBe(not?.pid);
  return keeper.identityOf(name) as ProcessIdentity;
}

test("a part that was killed is started again, with its environment, and its output goes on in the same file", async () => {
  const keeper = await openKeeper();
  expect(await keeper.keep(part("steady", STEADY))).toBe("started");
  const first = await identityOf(keeper, "steady");
  const output = (): string => readFileSync(join(home, "steady.log"), "utf8");
  await expect.poll(output, { timeout: 20_000 }).toBe("up green\n");
  await endIdentity(first, "SIGKILL", 5000);
  await identityOf(keeper, "steady", first);
  await expect.poll(output, { timeout: 20_000 }).toBe("up green\nup green\n");
});

test("a part that dies young again and again waits longer each time, up to the longest pause", async () => {
  const keeper = await openKeeper({ firstMs: 2, longestMs: 16, resetMs: 600_000 });
  await keeper.keep(part("crashing", "process.exit(3)"));
  const deaths = (): unknown[] => lines.filter(({ msg }) => msg === "died").map(({ waitMs }) => waitMs);
  await expect.poll(() => deaths().length, { timeout: 30_000 }).toBeGreaterThanOrEqual(6);
  expect(deaths().slice(0, 6)).toEqual([2, 4, 8, 16, 16, 16]);
  expect(keeper.failuresOf("crashing")).toBeGreaterThanOrEqual(6);
});

test("who watches is told how a part ended, and that it is back; of an adopted one nobody saw how", async () => {
  const first = await openKeeper({ firstMs: 1, longestMs: 1, resetMs: 600_000 });
  const steady = part("steady", STEADY);
  await first.keep(steady);
  const log = join(home, "steady.log");
  killIdentity(await identityOf(first, "steady"), "SIGKILL");
  await expect.poll(() => told.length, { timeout: 20_000 }).toBe(2);
  const ended = { code: null, signal: "SIGKILL" };
  expect(told).toEqual([{ name: "steady", ended, failures: 1, waitMs: 1, log }, "steady"]);
  first.release();
  const second = await openKeeper();
  await second.keep(steady);
  killIdentity(await identityOf(second, "steady"), "SIGKILL");
  await expect.poll(() => told.length, { timeout: 20_000 }).toBe(4);
  expect(told.slice(2)).toEqual([{ name: "steady", ended: null, failures: 0, waitMs: 0, log }, "steady"]);
});

test("a part that lived long enough is started again at once", async () => {
  const keeper = await openKeeper({ firstMs: 600_000, longestMs: 600_000, resetMs: 0 });
  await keeper.keep(part("steady", STEADY));
  const first = await identityOf(keeper, "steady");
  killIdentity(first, "SIGKILL");
  await identityOf(keeper, "steady", first);
  expect(lines.find(({ msg }) => msg === "died")).toMatchObject({ waitMs: 0, failures: 0 });
});

test("a part that was asked to stop stays stopped, also one that does not listen", async () => {
  const keeper = await openKeeper();
  await keeper.keep(part("steady", STEADY));
  const deaf = "process.on('SIGTERM', () => undefined); console.log('up'); setInterval(() => undefined, 1e6);";
  await keeper.keep(part("deaf", deaf, { stop: { signal: "SIGTERM", ms: 100 } }));
  await expect.poll(() => readFileSync(join(home, "deaf.log"), "utf8"), { timeout: 20_000 }).toBe("up\n");
  await Promise.all([keeper.stop("steady"), keeper.stop("deaf")]);
  await sleep(300);
  expect(alive()).toEqual([]);
  expect(JSON.parse(readFileSync(join(home, "manifest.json"), "utf8"))).toMatchObject({ parts: {} });
});

test("a released keeper touches nothing any more: what dies after that stays dead and is not spoken of", async () => {
  const keeper = await openKeeper();
  await keeper.keep(part("steady", STEADY));
  const identity = await identityOf(keeper, "steady");
  keeper.release();
  const before = lines.length;
  await endIdentity(identity, "SIGKILL", 5000);
  await expect.poll(() => lines.some(({ msg }) => msg === "ended"), { timeout: 20_000 }).toBe(true);
  expect(lines.slice(before).map(({ msg }) => msg)).toEqual(["ended"]);
  expect(alive()).toEqual([]);
});

test("a part whose record was never written is found by its mark and adopted, not started twice", async () => {
  const steady = part("steady", STEADY);
  const first = await openKeeper();
  await first.keep(steady);
  const identity = first.identityOf("steady");
  first.release();
  rmSync(join(home, "manifest.json"));
  const second = await openKeeper();
  expect(await second.keep(steady)).toBe("adopted");
  expect(second.identityOf("steady")).toEqual(identity);
  expect(alive()).toEqual(["steady"]);
});

test("of two processes of one part the recorded one stays and the other is ended", async () => {
  const steady = part("steady", STEADY);
  const first = await openKeeper();
  await first.keep(steady);
  first.release();
  const recorded = first.identityOf("steady");
  await startPart(steady, place());
  expect(alive()).toEqual(["steady", "steady"]);
  const second = await openKeeper();
  await second.keep(steady);
  expect(second.identityOf("steady")).toEqual(recorded);
  expect(alive()).toEqual(["steady"]);
});

/** A keeper in a process of its own, to be killed. */
function drive(names: readonly string[]): ChildProcess {
  const script = `
    const { Keeper } = await import(${JSON.stringify(new URL("./keeper.ts", import.meta.url).pathname)});
    const { Manifest } = await import(${JSON.stringify(new URL("./manifest.ts", import.meta.url).pathname)});
    const { logTo } = await import("@evenkeel/kit/log");
    const [home, names] = JSON.parse(process.argv[1]);
    const manifest = await Manifest.open(home + "/manifest.json");
    const log = logTo({ write: () => undefined }, { part: "driver" });
    const keeper = new Keeper({ place: { home, logFolder: home, version: "1.0.0" }, manifest, log });
    console.log("begins");
    const spec = (name) => ({ name, entry: home + "/" + name + ".mjs", environment: async () => ({}), stop: { signal: "SIGTERM", ms: 5000 } });
    for (const name of names) await keeper.keep(spec(name));
    console.log("ready");
  `;
  const driver = spawn(process.execPath, ["--input-type=module", "-e", script, JSON.stringify([home, names])], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  drivers.push(driver);
  return driver;
}

test("after kill -9 of the keeper at any point of its start, the next one adopts what lives and starts the rest", async () => {
  const names = ["one", "two", "three", "four"];
  for (const name of names) part(name, STEADY);
  const seen = new Map<string, number>();
  for (let round = 0; round < 8; round += 1) {
    const driver = drive(names);
    await once(driver.stdout as NonNullable<typeof driver.stdout>, "data");
    await sleep(Math.random() * 60);
    driver.kill("SIGKILL");
    await once(driver, "exit");
    for (const { identity, part: name } of findMarked(home)) {
      expect(seen.get(name) ?? identity.pid).toBe(identity.pid);
      seen.set(name, identity.pid);
    }
    expect(new Set(alive()).size).toBe(alive().length);
  }
  const keeper = await openKeeper();
  for (const name of names) await keeper.keep(part(name, STEADY));
  expect(alive()).toEqual(names.toSorted());
  for (const [name, pid] of seen) expect(keeper.identityOf(name)?.pid).toBe(pid);
});

test("connections made while a killed part with a held socket comes back wait and are answered", async () => {
  const held = await bindSocket({ host: "127.0.0.1", port: 0 });
  const server = `
    import { createServer } from "node:http";
    createServer((request, response) => response.end("served")).listen({ fd: 3 });
  `;
  const keeper = await openKeeper({ firstMs: 50, longestMs: 400, resetMs: 10_000 });
  await keeper.keep(part("server", server, { descriptors: () => [held.fd] }));
  const outcomes: Promise<string>[] = [];
  let over = false;
  const load = (async () => {
    for (; !over; await sleep(5)) outcomes.push(ask(held.port));
  })();
  let last: ProcessIdentity | undefined;
  for (let kill = 0; kill < 4; kill += 1) {
    last = await identityOf(keeper, "server", last);
    await sleep(400);
    killIdentity(last, "SIGKILL");
  }
  await identityOf(keeper, "server", last);
  await sleep(400);
  over = true;
  await load;
  const counts = Object.groupBy(await Promise.all(outcomes), (outcome) => outcome);
  // A request on a connection that the killed one had accepted is lost; one that had not been accepted never is.
  expect(Object.keys(counts).filter((outcome) => !["served", "ECONNRESET"].includes(outcome))).toEqual([]);
  expect(counts.ECONNRESET?.length ?? 0).toBeLessThanOrEqual(8);
  expect(counts.served?.length).toBeGreaterThan(200);
  held.close();
  expect(isAlive(keeper.identityOf("server") as ProcessIdentity)).toBe(true);
});

/** "served", or the code of what went wrong. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: "127.0.0.1", port, agent: false, timeout: 20_000 }, (response) => {
      let text = "";
      response.on("data", (bytes) => {
        text += bytes;
      });
      response.on("end", () => resolve(text));
    });
    call.on("timeout", () => call.destroy(Object.assign(new Error("time"), { code: "TIMEOUT" })));
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

test("a part that every request goes through gets the processor before the others, where this user may say so", async () => {
  const mayRaise = process.getuid?.() === 0;
  const keeper = await openKeeper();
  await keeper.keep(part("in-front", STEADY, { ahead: 5 }));
  await keeper.keep(part("beside", STEADY));
  const priorityOf = (name: string): number => getPriority(keeper.identityOf(name)?.pid ?? 0);
  expect(priorityOf("beside")).toBe(getPriority());
  expect(priorityOf("in-front")).toBe(mayRaise ? Math.max(-20, getPriority() - 5) : getPriority());
});
