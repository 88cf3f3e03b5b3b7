// What bad modules and unlucky moments do to a base, each asked for on the socket that the agent uses: every answer has its reason, and a stack where code has failed.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BaseFailure } from "@evenkeel/contracts/base-protocol";
import { afterAll, expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";

const folder = mkdtempSync(join(tmpdir(), "evenkeel-attack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prices = { name: "prices", version: "1.0.0", provides: { routes: [{ path: "/prices" }] } };
const IN_MODULE = "module:prices@1.0.0/index.js";

async function ask(socketPath: string, operation: string, input: object): Promise<{ status: number; answer: unknown }> {
  const request = httpRequest({ socketPath, path: `/v1/${operation}`, method: "POST", agent: false });
  request.end(JSON.stringify(input));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, answer: JSON.parse(text) as unknown };
}

interface Attack {
  readonly does: string;
  readonly text: string;
  readonly code: string;
  /** In the stack of the answer. */
  readonly at?: string;
  readonly about?: object;
}

const ATTACKS: Attack[] = [
  { does: "throws at load", text: "throw new TypeError('bad luck');", code: "MODULE_LOAD_FAILED", at: IN_MODULE },
  { does: "throws nothing at all", text: "throw undefined;", code: "MODULE_LOAD_FAILED" },
  { does: "is no JavaScript", text: "const = 1;", code: "MODULE_LOAD_FAILED", at: IN_MODULE },
  {
    does: "throws when it is activated",
    text: "exports.activate = () => { throw new RangeError('no database'); };",
    ...{ code: "MODULE_ACTIVATION_FAILED", at: IN_MODULE },
  },
  {
    does: "never finishes to activate",
    text: "exports.activate = () => new Promise(() => {});",
    ...{ code: "MODULE_ACTIVATION_TIMEOUT", about: { activateSeconds: 0.1 } },
  },
  {
    does: "needs a library that nobody shares",
    text: "",
    code: "DEPENDENCY_MISSING",
    about: { needs: { libraries: { pg: "^8.0.0" } } },
  },
  {
    does: "needs a library in another version",
    text: "",
    code: "DEPENDENCY_CONFLICT",
    about: { needs: { libraries: { shared: "^2.0.0" } } },
  },
  {
    does: "needs a service that nobody provides",
    text: "",
    code: "SERVICE_MISSING",
    about: { needs: { services: { stock: {} } } },
  },
  {
    does: "provides the name of another",
    ...{ text: "", code: "SERVICE_TAKEN", about: { provides: { routes: [], services: ["clock"] } } },
  },
  {
    does: "provides a path of another",
    ...{ text: "", code: "SERVICE_TAKEN", about: { provides: { routes: [{ path: "/calm" }] } } },
  },
  { does: "ends the process", text: "process.exit(1);", code: "MODULE_FAILED", at: IN_MODULE },
  {
    does: "recurses without end",
    text: "(function again() { again(); })();",
    code: "MODULE_LOAD_FAILED",
    at: IN_MODULE,
  },
];

test.each(["inline", "worker"] as const)(
  "each answer to a bad module has its reason and its stack, and nothing else changes: %s",
  async (isolation) => {
    const socketPath = join(folder, `${isolation}.sock`);
    const clock = { version: "1.0.0", service: { now: () => 7 } };
    const libraries = { shared: { version: "1.2.0", load: () => ({}), from: import.meta.filename } };
    await using bed = await BaseBed.open({ socketPath, libraries, services: { clock } });
    await bed.install({ ...prices, name: "calm", provides: { routes: [{ path: "/calm" }] } }, answering("calm"));
    for (const [index, { does, text, code, at, about }] of ATTACKS.entries()) {
      const bundle = bed.bundle({ ...prices, isolation, ...about }, text);
      const { status, answer } = await ask(socketPath, "install", {
        operationId: `attack ${index}`,
        bundle,
        publish: {},
      });
      const { problem, stack } = answer as BaseFailure;
      expect.soft({ does, code: problem?.code }).toEqual({ does, code });
      expect.soft(status, does).toBeGreaterThanOrEqual(400);
      expect.soft(problem?.title, does).not.toBe("");
      expect.soft(stack, does).not.toBeNull();
      if (at !== undefined) expect.soft(stack, does).toContain(at);
      expect.soft((await bed.get("/calm")).body, does).toBe("calm");
    }
  },
  120_000,
);

test("an uninstall waits for the requests and the calls in hand, while newcomers are told that nobody is there", async () => {
  const opened = Promise.withResolvers<void>();
  const gate = { version: "1.0.0", service: { pass: () => opened.promise } };
  await using bed = await BaseBed.open({ services: { gate } });
  const slow = `exports.activate = ({ service }) => { const gate = service("gate"); return {
    routes: async (request, response) => { await gate.pass(); response.end("served"); },
    services: { price: { of: async (item) => { await gate.pass(); return item + " 7"; } } } }; };`;
  const provides = { ...prices.provides, services: ["price"] };
  await bed.install({ ...prices, provides, needs: { services: { gate: {} } } }, slow);
  const reference = bed.base.service<{ of(item: string): Promise<string> }>("price");
  const [asked, called] = [bed.get("/prices"), reference.of("pen")];
  await expect.poll(() => bed.base.report().modules[0]?.inFlight, { timeout: 60_000 }).toBe(2);
  const uninstalled = bed.uninstall("prices");
  await expect.poll(() => bed.base.report().modules[0]?.state, { timeout: 60_000 }).toBe("draining");
  expect((await bed.get("/prices")).body).toBe("of the base");
  expect(() => reference.of("ink")).toThrow("Nobody provides the service price");
  opened.resolve();
  expect([(await asked).body, await called]).toEqual(["served", "pen 7"]);
  expect((await uninstalled).proof.left).toEqual([]);
  expect(bed.base.report().modules).toEqual([]);
});

test("a module that is called for ever leaves when its time to drain is over, and its callers get an answer", async () => {
  await using bed = await BaseBed.open();
  const forever = "exports.activate = () => ({ routes: () => {} });";
  await bed.install({ ...prices, drainSeconds: 0.2 }, forever);
  const asked = bed.get("/prices").then(
    ({ status }) => status,
    () => "cut",
  );
  await expect.poll(() => bed.base.report().modules[0]?.inFlight, { timeout: 60_000 }).toBe(1);
  await bed.uninstall("prices");
  expect(await asked).toBe(503);
  expect(bed.base.report().modules).toEqual([]);
});

test.each(["inline", "worker"] as const)(
  "one that answers after it was answered in its place harms nobody: %s",
  async (isolation) => {
    await using bed = await BaseBed.open();
    const late = `exports.activate = ({ onShutdown }) => ({ routes: (request, response) => {
    onShutdown(() => new Promise((resolve) => response.writeHead(200).end("late", resolve))); } });`;
    await bed.install({ ...prices, isolation, drainSeconds: 0.2 }, late);
    await bed.install({ ...prices, name: "calm", provides: { routes: [{ path: "/calm" }] } }, answering("calm"));
    const asked = bed.get("/prices");
    await expect.poll(() => bed.base.report().modules[0]?.inFlight, { timeout: 60_000 }).toBe(1);
    await bed.uninstall("prices");
    expect((await asked).status).toBe(503);
    expect((await bed.get("/calm")).body).toBe("calm");
  },
);

test("an uninstall in the midst of its own request is no way to stay, and none to be there twice", async () => {
  await using bed = await BaseBed.open({
    services: {
      operator: {
        version: "1.0.0",
        service: { remove: () => void bed.uninstall("prices").catch(() => undefined) },
      },
    },
  });
  const own = `exports.activate = ({ service }) => ({ routes: (request, response) => {
    service("operator").remove(); service("operator").remove(); response.end("last words"); } });`;
  await bed.install({ ...prices, needs: { services: { operator: {} } } }, own);
  expect((await bed.get("/prices")).body).toBe("last words");
  await expect.poll(() => bed.base.report().modules, { timeout: 60_000 }).toEqual([]);
});

test.each(["inline", "worker"] as const)(
  "a client that gives up is no failure of the module: %s",
  async (isolation) => {
    await using bed = await BaseBed.open();
    const slow = "exports.activate = () => ({ routes: (request, response) => { response.write('begun'); } });";
    await bed.install({ name: "slow", version: "1.0.0", isolation, provides: { routes: [{ path: "/slow" }] } }, slow);
    const asking = httpRequest({ host: "127.0.0.1", port: bed.port, path: "/slow", agent: false });
    const [response] = (await once(asking.end(), "response")) as [IncomingMessage];
    await once(response, "data");
    response.destroy();
    await expect.poll(() => bed.base.report().modules[0]?.inFlight, { timeout: 60_000 }).toBe(0);
    const statistics = await bed.base.perform("statistics", {});
    expect(statistics.modules).toMatchObject([{ requests: 1, errors: 0 }]);
  },
);
