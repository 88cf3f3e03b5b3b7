import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";

const prices = (version: string) => ({ name: "prices", version, provides: { routes: [{ path: "/prices" }] } });

test("a module is installed, replaced and uninstalled in the running process", async () => {
  await using bed = await BaseBed.open();
  expect((await bed.get("/prices")).body).toBe("of the base");
  const first = await bed.install(prices("1.0.0"), answering("one"));
  expect(first).toMatchObject({ replaced: [], already: false, module: { state: "active", published: true } });
  expect((await bed.get("/prices/7?x=1")).body).toBe("one");
  expect((await bed.get("/pricesless")).body).toBe("of the base");
  const second = await bed.install(prices("2.0.0"), answering("two"), { publish: null });
  expect(second.replaced).toEqual(["1.0.0"]);
  expect((await bed.get("/prices")).body).toBe("two");
  await bed.uninstall("prices", "2.0.0");
  expect((await bed.get("/prices")).body).toBe("of the base");
  // What was replaced leaves a moment later.
  await expect.poll(() => bed.base.report().modules).toEqual([]);
});

test("what is installed and not published answers nothing; publish and unpublish act at once", async () => {
  await using bed = await BaseBed.open();
  await bed.install(prices("1.0.0"), answering("one"), { publish: null });
  expect((await bed.get("/prices")).body).toBe("of the base");
  const one = { name: "prices", version: "1.0.0" };
  await bed.base.perform("publish", { operationId: "p", ...one, tags: { gray: "yes" } });
  expect((await bed.get("/prices")).body).toBe("one");
  await bed.base.perform("unpublish", { operationId: "u", ...one });
  expect((await bed.get("/prices")).body).toBe("of the base");
});

test("a version that cannot be activated leaves the old one serving, and says why", async () => {
  await using bed = await BaseBed.open();
  await bed.install(prices("1.0.0"), answering("one"));
  const broken = "exports.activate = async () => { throw new Error('no database'); };";
  await expect(bed.install(prices("2.0.0"), broken)).rejects.toMatchObject({ code: "MODULE_ACTIVATION_FAILED" });
  expect((await bed.get("/prices")).body).toBe("one");
  const report = bed.base.report().modules.find(({ version }) => version === "2.0.0");
  expect(report).toMatchObject({ state: "broken", published: false });
  expect(report?.problem?.title).toContain("no database");
  expect(report?.stack).toContain("module:prices@2.0.0/index.js");
});

test.each([
  ["throws at load", "throw new TypeError('bad luck');", "MODULE_LOAD_FAILED"],
  ["is no JavaScript", "const = 1;", "MODULE_LOAD_FAILED"],
  ["throws something that is no error", "throw null;", "MODULE_LOAD_FAILED"],
  ["never finishes to activate", "exports.activate = () => new Promise(() => {});", "MODULE_ACTIVATION_TIMEOUT"],
  ["does not give what it promises", "exports.activate = () => ({});", "MODULE_INCOMPLETE"],
  ["asks for a file", "require('./other.js');", "DEPENDENCY_UNDECLARED"],
  ["asks for a library of the base that it does not declare", "require('lodash');", "DEPENDENCY_UNDECLARED"],
  ["ends the process", "process.exit(1);", "MODULE_FAILED"],
])("a module that %s is refused", async (_, text, code) => {
  await using bed = await BaseBed.open();
  await expect(bed.install({ ...prices("1.0.0"), activateSeconds: 0.1 }, text)).rejects.toMatchObject({ code });
  expect((await bed.get("/prices")).body).toBe("of the base");
  expect(bed.base.report().modules).toMatchObject([{ state: "broken" }]);
  // It may be tried again with a better build of the same version.
  await bed.install(prices("1.0.0"), answering("mended"));
  expect((await bed.get("/prices")).body).toBe("mended");
});

test("a request in flight ends on the version that it began on", async () => {
  const opened = Promise.withResolvers<void>();
  const gate = { version: "1.0.0", service: { pass: () => opened.promise } };
  await using bed = await BaseBed.open({ services: { gate } });
  const slow = `exports.activate = ({ service }) => ({ routes: async (request, response) => {
    response.write("one "); await service("gate").pass(); response.end("still one");
  } });`;
  await bed.install({ ...prices("1.0.0"), needs: { services: { gate: {} } } }, slow);
  const request = httpRequest({ host: "127.0.0.1", port: bed.port, path: "/prices", agent: false });
  const begun = new Promise<AsyncIterable<Buffer>>((resolve) => request.on("response", resolve));
  request.end();
  const response = await begun;
  await bed.install(prices("2.0.0"), answering("two"));
  expect((await bed.get("/prices")).body).toBe("two");
  expect(bed.base.report().modules).toMatchObject([
    { version: "1.0.0", state: "draining", published: false, inFlight: 1 },
    { version: "2.0.0", state: "active", published: true },
  ]);
  opened.resolve();
  let text = "";
  for await (const chunk of response) text += String(chunk);
  expect(text).toBe("one still one");
});

test("the same operation id gets the first answer, and nothing runs twice", async () => {
  await using bed = await BaseBed.open();
  const bundle = bed.bundle(prices("1.0.0"), answering("one"));
  const input = { operationId: "same", bundle, activate: true, replace: true, publish: null };
  const [one, other] = await Promise.all([bed.base.perform("install", input), bed.base.perform("install", input)]);
  expect(other).toBe(one);
  expect(await bed.base.perform("install", { ...input, operationId: "another" })).toMatchObject({ already: true });
});

test("two installs of one name at once: the second is refused with the first's name", async () => {
  const opened = Promise.withResolvers<void>();
  const gate = { version: "1.0.0", service: { pass: () => opened.promise } };
  await using bed = await BaseBed.open({ services: { gate } });
  const slow = `exports.activate = async ({ service }) => { await service("gate").pass(); return { routes: () => {} }; };`;
  const first = bed.install({ ...prices("1.0.0"), needs: { services: { gate: {} } } }, slow);
  await expect.poll(() => bed.base.report().modules[0]?.state, { timeout: 60_000 }).toBe("activating");
  const second = bed.install(prices("2.0.0"), answering("two"));
  await expect(second).rejects.toMatchObject({ code: "MODULE_BUSY", facts: { operation: "install" } });
  opened.resolve();
  expect((await first).module.state).toBe("active");
});

test("the same version with other content is refused, and a bundle that was exchanged too", async () => {
  await using bed = await BaseBed.open();
  await bed.install(prices("1.0.0"), answering("one"));
  await expect(bed.install(prices("1.0.0"), answering("other"))).rejects.toMatchObject({
    code: "MODULE_VERSION_TAKEN",
  });
  const { path } = bed.bundle(prices("3.0.0"), answering("three"));
  const { digest } = bed.bundle(prices("4.0.0"), answering("four"));
  const exchanged = bed.base.perform("install", {
    ...{ operationId: "x", bundle: { path, digest }, activate: true, replace: true, publish: null },
  });
  await expect(exchanged).rejects.toMatchObject({ code: "BUNDLE_CORRUPT" });
});

test("several versions serve at once; deactivate and activate leave them installed", async () => {
  await using bed = await BaseBed.open();
  await bed.install(prices("1.0.0"), answering("one"));
  await bed.install(prices("2.0.0"), answering("two"), { replace: false });
  expect(bed.base.report().modules).toMatchObject([
    { version: "1.0.0", published: true },
    { version: "2.0.0", published: true },
  ]);
  expect((await bed.get("/prices")).body).toBe("two");
  const two = { name: "prices", version: "2.0.0" };
  await bed.base.perform("deactivate", { operationId: "d", ...two });
  expect((await bed.get("/prices")).body).toBe("one");
  await bed.base.perform("activate", { operationId: "a", ...two });
  expect((await bed.get("/prices")).body).toBe("one");
  await bed.base.perform("publish", { operationId: "p", ...two, tags: {} });
  expect((await bed.get("/prices")).body).toBe("two");
});

test("shutdown hooks run in their order, then deactivate", async () => {
  await using bed = await BaseBed.open();
  const hooks = `exports.activate = ({ onShutdown, console }) => {
    onShutdown(() => console.log("connections"), 1); onShutdown(async () => console.log("consumers"), 10);
    return { routes: () => {} };
  }; exports.deactivate = () => console.log("all");`;
  await bed.install(prices("1.0.0"), hooks);
  const log = bed.base.perform.bind(bed.base, "log", { name: "prices", version: "1.0.0", lines: 10 });
  await bed.base.perform("deactivate", { operationId: "d", name: "prices", version: "1.0.0" });
  const { lines } = (await log()) as { lines: { text: string }[] };
  expect(lines.map(({ text }) => text)).toEqual(["consumers", "connections", "all"]);
});

test("clear takes everything away, and waits for a version that was replaced and still has a request in hand", async () => {
  const opened = Promise.withResolvers<void>();
  const gate = { version: "1.0.0", service: { pass: () => opened.promise } };
  await using bed = await BaseBed.open({ services: { gate } });
  const slow = `exports.activate = ({ service }) => ({ routes: async (request, response) => {
    await service("gate").pass(); response.end("one"); } });`;
  await bed.install({ ...prices("1.0.0"), needs: { services: { gate: {} } } }, slow);
  const asked = bed.get("/prices");
  await expect.poll(() => bed.base.report().modules[0]?.inFlight, { timeout: 60_000 }).toBe(1);
  await bed.install(prices("2.0.0"), answering("two"));
  const cleared = bed.base.perform("clear", { operationId: "c" });
  await expect.poll(() => bed.base.report().modules.length, { timeout: 60_000 }).toBe(1);
  opened.resolve();
  expect((await asked).body).toBe("one");
  expect((await cleared).uninstalled).toMatchObject([{ version: "2.0.0" }]);
  expect(bed.base.report().modules).toEqual([]);
});
