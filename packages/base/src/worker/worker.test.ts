import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shareLibraries } from "../inline/require.ts";
import { answering, BaseBed } from "../testing.ts";

const threaded = (name = "threaded", version = "1.0.0") => ({
  ...{ name, version, isolation: "worker" as const },
  provides: { routes: [{ path: `/${name}` }] },
});

test("a module in a thread answers requests, streams both ways, and is replaced", async () => {
  await using bed = await BaseBed.open();
  const echo = `const { isMainThread } = require("worker_threads");
  exports.activate = () => ({ routes: async (request, response) => {
    let text = ""; for await (const chunk of request) text += chunk;
    response.writeHead(201, { "x-thread": String(!isMainThread) }); response.write(request.method + " "); response.end(text);
  } });`;
  const installed = await bed.install(threaded(), echo);
  expect(installed.module).toMatchObject({ state: "active", isolation: "worker" });
  expect(await bed.send({ path: "/threaded/x?y=1", body: "hello" })).toEqual({ status: 201, body: "POST hello" });
  await bed.install(threaded("threaded", "2.0.0"), answering("two"));
  expect((await bed.get("/threaded")).body).toBe("two");
  const { proof } = await bed.uninstall("threaded", "2.0.0");
  expect(proof).toMatchObject({ closed: [{ kind: "worker", count: 1 }], left: [] });
});

test("a thread calls services of others and is called, emits, hears, and uses libraries that are shared", async () => {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-shared-"));
  mkdirSync(join(folder, "node_modules/money"), { recursive: true });
  writeFileSync(join(folder, "node_modules/money/package.json"), '{"name":"money","version":"2.0.0","main":"i.js"}');
  writeFileSync(join(folder, "node_modules/money/i.js"), "exports.unit = 'cent';");
  const libraries = shareLibraries(createRequire(join(folder, "x.js")), ["money"]);
  const heard: unknown[] = [];
  const ears = { version: "1.0.0", service: { hear: (word: unknown) => heard.push(word) } };
  await using bed = await BaseBed.open({ libraries, services: { ears } });
  const listener = {
    name: "listener",
    version: "1.0.0",
    provides: { events: ["sold"] },
    needs: { services: { ears: {} } },
  };
  await bed.install(
    listener,
    "exports.activate = ({ service }) => ({ events: { sold: (what) => service('ears').hear(what) } });",
  );
  const text = `exports.activate = ({ service, emit }) => ({ services: { till: {
    sell: async (item) => { await service("ears").hear("about to"); await emit("sold", { item }); return item + " " + require("money").unit; },
    fail: () => { throw new RangeError("sold out"); } } } });`;
  const till = { name: "till", version: "1.0.0", isolation: "worker" as const, provides: { services: ["till"] } };
  await bed.install({ ...till, needs: { services: { ears: {} }, libraries: { money: "^2.0.0" } } }, text);
  const reference = bed.base.service<{ sell(item: string): Promise<string>; fail(): Promise<never> }>("till");
  expect(await reference.sell("pen")).toBe("pen cent");
  expect(heard).toEqual(["about to", { item: "pen" }]);
  await expect(reference.fail()).rejects.toThrow("sold out");
  rmSync(folder, { recursive: true });
});

test("a thread that crashes harms no other, fails what it had in hand, and is started again", async () => {
  await using bed = await BaseBed.open();
  await bed.install({ name: "calm", version: "1.0.0", provides: { routes: [{ path: "/calm" }] } }, answering("calm"));
  const crashing = `exports.activate = () => ({ routes: (request, response) => {
    if (request.url.endsWith("/crash")) setImmediate(() => { throw new Error("boom"); }); else if (request.url.endsWith("/exit")) process.exit(3); else response.end("up"); } });`;
  await bed.install(threaded(), crashing);
  const failed = await bed.get("/threaded/crash");
  expect(failed.status).toBe(503);
  expect(JSON.parse(failed.body)).toMatchObject({ code: "MODULE_CRASHED" });
  expect((await bed.get("/calm")).body).toBe("calm");
  await expect.poll(async () => (await bed.get("/threaded")).body, { timeout: 60_000 }).toBe("up");
  const { lines } = await bed.base.perform("log", { name: "threaded", version: "1.0.0", lines: 100 });
  expect(lines.map(({ text }) => text).join("\n")).toContain("boom");
});

test("a thread that crashes again and again is given up, with its reason", async () => {
  await using bed = await BaseBed.open();
  const restless =
    "exports.activate = () => { setTimeout(() => { throw new Error('again'); }, 5); return { routes: () => {} }; };";
  await bed.install(threaded(), restless);
  await expect.poll(() => bed.base.report().modules[0]?.state, { timeout: 60_000 }).toBe("broken");
  const [report] = bed.base.report().modules;
  expect(report?.problem).toMatchObject({ code: "MODULE_CRASHED", title: expect.stringContaining("again") });
  expect((await bed.get("/threaded")).body).toBe("of the base");
});

test.each([
  ["throws at load", "throw new TypeError('bad luck');", "MODULE_LOAD_FAILED"],
  ["throws when it is activated", "exports.activate = () => { throw new Error('no'); };", "MODULE_ACTIVATION_FAILED"],
  ["never finishes to activate", "exports.activate = () => new Promise(() => {});", "MODULE_ACTIVATION_TIMEOUT"],
  ["spins while it is activated", "exports.activate = () => { for (;;); };", "MODULE_ACTIVATION_TIMEOUT"],
])(
  "a thread that %s is refused with reason and stack, and ended",
  async (_, text, code) => {
    await using bed = await BaseBed.open();
    const installed = bed.install({ ...threaded(), activateSeconds: 3, drainSeconds: 0 }, text);
    await expect(installed).rejects.toMatchObject({ code });
    expect(bed.base.report().modules).toMatchObject([{ state: "broken", problem: { code } }]);
  },
  60_000,
);

test.each([
  { action: "eject" as const, state: "broken" },
  { action: "restart-worker" as const, state: "active" },
])(
  "a thread that holds its own loop is named with function and line, and its callers are answered: $action",
  async ({ action, state }) => {
    await using bed = await BaseBed.open();
    const text = `function spin() { for (;;) Math.sqrt(2); }
      exports.activate = () => ({ routes: (request, response) => { if (request.url.endsWith("spin")) spin(); response.end("well"); } });`;
    await bed.install({ ...threaded(), drainSeconds: 0, limits: { blockMs: { most: 300, action } } }, text);
    expect((await bed.get("/threaded/spin")).status).toBeGreaterThanOrEqual(500);
    const found = () => bed.base.report().modules[0];
    await expect.poll(() => found()?.state, { timeout: 60_000 }).toBe(state);
    const { lines } = await bed.base.perform("log", { name: "threaded", version: "1.0.0", lines: 1000 });
    expect(lines.map(({ text: line }) => line).join("\n")).toMatch(
      /threaded@1\.0\.0 held the event loop for \d+ ms in (spin|routes) \(module:threaded@1\.0\.0\/index\.js:[12]\)/,
    );
    const after = state === "active" ? "well" : "of the base";
    await expect.poll(async () => (await bed.get("/threaded")).body, { timeout: 60_000 }).toBe(after);
    if (state === "active") await expect.poll(() => found()?.health.healthy, { timeout: 60_000 }).toBe(true);
  },
  120_000,
);

test("a thread that waits, and one whose base is late, hold no loop", async () => {
  await using bed = await BaseBed.open();
  const text = `exports.activate = () => ({ routes: async (request, response) => {
    await new Promise((done) => setTimeout(done, 2500)); response.end("slow"); } });`;
  await bed.install({ ...threaded(), limits: { blockMs: { most: 500, action: "eject" } } }, text);
  const answer = bed.get("/threaded");
  for (let turn = 0; turn < 2; turn += 1) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
    await new Promise((done) => setTimeout(done, 100));
  }
  expect((await answer).body).toBe("slow");
  expect(bed.base.report().modules).toMatchObject([{ state: "active", health: { healthy: true } }]);
});
