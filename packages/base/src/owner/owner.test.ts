import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";

const guest = (name = "guest") => ({ name, version: "1.0.0", provides: { routes: [{ path: `/${name}` }] } });
const kinds = (things: readonly { kind: string; count: number }[]) =>
  Object.fromEntries(things.map(({ kind, count }) => [kind, count]));

test("whatever a module has opened is closed for it when it leaves, and the base goes on", async () => {
  const sink = createServer((socket) => socket.on("error", () => socket.destroy())).listen(0, "127.0.0.1");
  await once(sink, "listening");
  await using bed = await BaseBed.open();
  const opens = `const net = require("net"), http = require("http"), fs = require("fs"), { Worker, MessageChannel } = require("worker_threads");
  const { spawn } = require("child_process"), dgram = require("dgram"), { once } = require("events");
  exports.activate = async () => {
    setInterval(() => {}, 1000); setTimeout(() => {}, 1e8).unref(); setImmediate(function again() { setImmediate(again); });
    await once(net.createServer().listen(0), "listening"); await once(http.createServer().listen(0), "listening");
    await once(net.connect(${(sink.address() as AddressInfo).port}), "connect");
    await new Promise((done) => dgram.createSocket("udp4").bind(0, done));
    fs.watch("."); fs.watchFile("nothing-here", () => {});
    spawn("sleep", ["600"]); await once(new Worker("setInterval(() => {}, 1000)", { eval: true }), "online");
    new MessageChannel().port1.on("message", () => {});
    process.on("warning", () => {}); process.once("multipleResolves", () => {});
    return { routes: (request, response) => response.end("hi") };
  };`;
  const before = process.getActiveResourcesInfo().length;
  await bed.install(guest(), opens);
  expect((await bed.get("/guest")).body).toBe("hi");
  expect(process.getActiveResourcesInfo().length).toBeGreaterThan(before + 8);
  const { proof } = await bed.uninstall("guest");
  expect(proof.left).toEqual([]);
  expect(kinds(proof.closed)).toMatchObject({
    ...{ "listening socket": 2, socket: expect.anything(), "file watcher": expect.anything() },
    ...{ "child process": 1, worker: 1, listener: expect.anything(), timer: expect.anything() },
  });
  await expect.poll(() => process.getActiveResourcesInfo().length, { timeout: 60_000 }).toBeLessThanOrEqual(before);
  expect((await bed.get("/guest")).body).toBe("of the base");
  sink.close();
});

test("what a module has hooked into Node itself is taken out again, and its memory is free", async () => {
  await using bed = await BaseBed.open();
  const hooks = `const channels = require("node:diagnostics_channel"), { createHook, AsyncLocalStorage } = require("async_hooks"), { PerformanceObserver, performance } = require("perf_hooks");
  const heard = [];
  exports.activate = () => {
    channels.subscribe("http.server.request.start", () => heard.push("by name"));
    channels.channel("http.server.request.start").subscribe(() => heard.push("by channel"));
    createHook({ init: () => {} }).enable();
    new PerformanceObserver((list) => heard.push(list.getEntries().length)).observe({ entryTypes: ["mark"] });
    performance.mark("seen");
    const kept = new AsyncLocalStorage();
    return { routes: (request, response) => kept.run("own", () => response.end(heard.includes("by name") && heard.includes("by channel") ? kept.getStore() : "deaf")) };
  };`;
  await bed.install(guest(), hooks);
  expect((await bed.get("/guest")).body).toBe("own");
  const { proof } = await bed.uninstall("guest", "1.0.0", "memory");
  expect(proof).toMatchObject({ left: [], memory: "freed", heldBy: [] });
  expect(kinds(proof.closed)).toMatchObject({ listener: expect.anything() });
  expect(proof.closed.filter(({ kind }) => kind === "listener")).toEqual([
    { kind: "listener", name: "http.server.request.start on diagnostics_channel", count: 2 },
    { kind: "listener", name: "hook on async_hooks", count: 1 },
    { kind: "listener", name: "observer on perf_hooks", count: 1 },
  ]);
});

test("timers that Node keeps for the base stay when a module leaves that was the first to need them", async () => {
  await using bed = await BaseBed.open();
  await bed.install(guest("other"), answering("other"));
  const fetching = `exports.activate = () => ({ routes: async (request, response) => {
    response.end(await (await fetch("http://127.0.0.1:${bed.port}/other")).text());
  } });`;
  await bed.install(guest(), fetching);
  expect((await bed.get("/guest")).body).toBe("other");
  const { proof } = await bed.uninstall("guest");
  // Its connection belongs to the pool of the base's fetch, its clock too.
  expect(proof).toMatchObject({ closed: [], left: [] });
  expect(await (await fetch(`http://127.0.0.1:${bed.port}/other`)).text()).toBe("other");
});

test("listeners on a request run as the module's: what they open is closed, what they throw is its answer", async () => {
  await using bed = await BaseBed.open();
  const listens = `exports.activate = () => ({ routes: (request, response) => {
    const never = () => response.end("never");
    request.once("end", never); request.off("end", never); request.on("end", never); request.removeListener("end", never);
    let text = ""; request.on("data", (chunk) => { text += chunk; });
    request.once("end", () => { setInterval(() => {}, 1000); if (text === "bad") throw new Error("no JSON"); response.end(text); });
    response.on("finish", () => { if (text === "late") throw new Error("too late"); });
  } });`;
  await bed.install(guest(), listens);
  expect(await bed.send({ path: "/guest", body: "good" })).toEqual({ status: 200, body: "good" });
  const failed = await bed.send({ path: "/guest", body: "bad" });
  expect(failed.status).toBe(500);
  expect(JSON.parse(failed.body)).toMatchObject({ code: "MODULE_FAILED", title: expect.stringContaining("no JSON") });
  expect(await bed.send({ path: "/guest", body: "late" })).toEqual({ status: 200, body: "late" });
  const { lines } = await bed.base.perform("log", { name: "guest", version: "1.0.0", lines: 100 });
  expect(lines.map(({ text }) => text).join("\n")).toContain("too late");
  const { proof } = await bed.uninstall("guest");
  expect(proof).toEqual({
    closed: [{ kind: "timer", name: "Timeout", count: 3 }],
    left: [],
    memory: "not-asked",
    heldBy: [],
  });
});

test("globals are taken back, what stood there before returns", async () => {
  await using bed = await BaseBed.open();
  (globalThis as { standing?: string }).standing = "base";
  await bed.install(
    guest(),
    "globalThis.standing = 'guest'; global.mine = 1; undeclared = 2; exports.activate = () => ({ routes: () => {} });",
  );
  expect(globalThis).toMatchObject({ standing: "guest", mine: 1, undeclared: 2 });
  const { proof } = await bed.uninstall("guest");
  expect(kinds(proof.closed)).toEqual({ global: 1 });
  expect(proof.closed.map(({ name }) => name).sort()).toEqual(["mine", "standing", "undeclared"]);
  expect(globalThis).toMatchObject({ standing: "base" });
  expect(globalThis).not.toHaveProperty("mine");
  Reflect.deleteProperty(globalThis, "standing");
});

test("patched prototypes and exports of Node are named and put back", async () => {
  await using bed = await BaseBed.open();
  const { map } = Array.prototype;
  const patches = `const path = require("path"); const { map } = Array.prototype;
  Array.prototype.map = function (...args) { return map.apply(this, args); }; Object.prototype.everywhere = 1; path.join = () => "patched"; Object.keys.shim = () => [];
  exports.activate = () => ({ routes: () => {} });`;
  await bed.install(guest(), patches);
  expect(Array.prototype.map).not.toBe(map);
  const { proof } = await bed.uninstall("guest");
  const names = proof.closed.filter(({ kind }) => kind === "patch").map(({ name }) => name);
  expect(names.sort()).toEqual(["Array.prototype.map", "Object.keys.shim", "Object.prototype.everywhere", "path.join"]);
  expect(Array.prototype.map).toBe(map);
  expect({}).not.toHaveProperty("everywhere");
  expect(Object.keys).not.toHaveProperty("shim");
});

test("what a module writes stays readable under its name, and its leaving does not silence the base", async () => {
  await using bed = await BaseBed.open();
  const writes = `process.stdout.write("raw\\n"); console.error("seen"); process.on("SIGINT", () => {}); process.env.OWN = "1";
  exports.activate = () => ({ routes: (request, response) => { throw new Error("no stock"); } });`;
  await bed.install(guest(), writes);
  expect(process.env.OWN).toBeUndefined();
  expect(process.listenerCount("SIGINT")).toBe(0);
  const answer = await bed.get("/guest");
  expect(answer.status).toBe(500);
  expect(JSON.parse(answer.body)).toMatchObject({ code: "MODULE_FAILED", title: expect.stringContaining("no stock") });
  const { lines } = await bed.base.perform("log", { name: "guest", version: "1.0.0", lines: 100 });
  expect(lines.map(({ text }) => text).join("\n")).toMatch(/^seen\nError: no stock\n[\s\S]*module:guest@1.0.0/);
  const { proof } = await bed.uninstall("guest");
  expect(proof.left).toEqual([{ kind: "signal listener", name: "SIGINT on process", count: 1 }]);
  expect(process.stdout.writable && process.stderr.writable).toBe(true);
});

test("what code of a module opens after it has left, in a promise that nobody could stop, is closed at once", async () => {
  await using bed = await BaseBed.open();
  const gate = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<unknown>();
  const ticking = Promise.withResolvers<object>();
  const shared = { gate: gate.promise, began: began.resolve, opened: opened.resolve, ticking: ticking.resolve };
  const library = { version: "1.0.0", load: () => shared };
  await using other = await BaseBed.open({ libraries: { shared: library } });
  const late = `const { gate, began, opened, ticking } = require("shared");
  exports.activate = () => ({ routes: async (request, response) => {
    began();
    await gate;
    ticking({ timer: setInterval(() => {}, 10) }); process.on("warning", () => {});
    await new Promise((done) => require("net").createServer().listen(0, done).once("close", done));
    opened(await fetch("http://127.0.0.1:${bed.port}/").catch(({ code }) => code));
  } });`;
  await other.install({ ...guest(), drainSeconds: 0, needs: { libraries: { shared: "*" } } }, late);
  const listeners = process.listenerCount("warning");
  const asked = other.get("/guest");
  await began.promise;
  await other.uninstall("guest");
  expect((await asked).status).toBe(503);
  gate.resolve();
  expect(await opened.promise).toBe("MODULE_LEAVING");
  expect(process.listenerCount("warning")).toBe(listeners);
  const ticks = await ticking.promise;
  await expect.poll(() => ticks, { timeout: 60_000 }).toMatchObject({ timer: { _destroyed: true } });
});

test("what a module does to the process it is a guest of stays its own, is refused, or is put back", async () => {
  await using bed = await BaseBed.open();
  const { title, env, exitCode } = process;
  const { write } = process.stdout;
  const heard = process.listenerCount("uncaughtException");
  await bed.install(
    guest(),
    `process.title = "mine"; process.exitCode = 7; process.env = { MINE: "1" };
     process.on("warning", () => {}); process.removeAllListeners();
     process.stdout.write = () => true;
     let refused; try { process.kill(process.pid, "SIGKILL"); } catch (error) { refused = error.code; }
     exports.activate = () => ({ routes: (q, response) => response.end([process.title, process.exitCode, process.env.MINE, refused].join(" ")) });`,
  );
  expect((await bed.get("/guest")).body).toBe("mine 7 1 MODULE_FAILED");
  expect(process).toMatchObject({ title, exitCode });
  expect(process.env).toBe(env);
  expect(process.listenerCount("uncaughtException")).toBe(heard);
  const { proof } = await bed.uninstall("guest");
  expect(proof.closed).toEqual([{ kind: "patch", name: "process.stdout.write", count: 1 }]);
  expect(proof.left).toEqual([{ kind: "refused call", name: "process.kill", count: 1 }]);
  expect(process.stdout.write).toBe(write);
});

test("what the base itself puts in the way of a module is not told as that module's", async () => {
  await using bed = await BaseBed.open({ watchdog: true });
  await bed.install(guest(), answering("hi"));
  expect((await bed.get("/guest")).body).toBe("hi");
  expect((await bed.uninstall("guest")).proof).toMatchObject({ closed: [], left: [] });
});
