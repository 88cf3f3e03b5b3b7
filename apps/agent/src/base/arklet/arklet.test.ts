// The foreign bases of these tests are real servers of the API in processes of their own: one in Java, with a class loader for each biz, and our own base with
// its Arklet API open and its socket shut.
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AgentMessage, CommandType, Outcome, SlotBase } from "@evenkeel/contracts/agent-protocol";
import { killIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { answering, BASE_SERVER, failing, type TestBundle } from "@evenkeel/testkit/base-application";
import { buildJava, JAVA_START, NO_JAVA } from "@evenkeel/testkit/java-base";
import { beforeEach, describe, expect, test } from "vitest";
import { Fixture, type StartFacts } from "../../testing/fixture.ts";
import { bring, makeRevision } from "../../testing/package.ts";
import { arkletUrl } from "./line.ts";
import { reportOf } from "./report.ts";

/** A virtual machine takes its time to start where much else is done. */
const PATIENCE_MS = 200_000;

const fixture = Fixture.forEachTest("127.0.41.12");
const ARKLET = "arklet: { port: Number(new URL(process.env.EVENKEEL_ARKLET_URL).port) }";

interface Foreign {
  readonly start: string;
  /** Of its API. */
  readonly address: string;
  /** What it calls itself. */
  readonly description: object;
  /** Where the stack of the version that does not start points to. */
  readonly place: string;
}

/** A package of it, two versions of `prices` that start, one that does not, and `stock`. */
interface Made {
  readonly base: Readonly<Record<string, string | Uint8Array>>;
  readonly jars: readonly TestBundle[];
}

const NODE: Foreign & { make(): Made } = {
  start: "node server.mjs",
  address: "127.0.0.1",
  description: { name: "shop", version: "1.0.0" },
  place: "module:prices@3.0.0/index.js",
  make: () => ({
    base: {
      "server.mjs": `delete process.env.EVENKEEL_BASE_SOCKET;
${BASE_SERVER.replace("createBase({", `createBase({ ${ARKLET},`)}`,
    },
    jars: [
      ...["1.0.0", "2.0.0"].map((version) => answering("prices", version)),
      ...[failing("prices", "3.0.0"), answering("stock", "1.0.0")],
    ],
  }),
};

const JAVA: Foreign & { make(): Made } = {
  start: JAVA_START,
  address: "{host}",
  description: { name: "mall", version: "1.0.0" },
  place: "biz.Biz2.<init>",
  make: () =>
    buildJava([
      ...["1.0.0", "2.0.0"].map((version) => ({ name: "prices", version })),
      { name: "prices", version: "3.0.0", startFails: "no database for prices" },
      { name: "stock", version: "1.0.0" },
    ]),
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function bringUp(
  { start, address }: Foreign,
  { base: files }: Made,
): Promise<StartFacts & { readonly url: string }> {
  const { plane, host } = fixture;
  await host.start();
  const url = `http://${address}:${await freePort()}`;
  const configuration = { start, env: { EVENKEEL_ARKLET_URL: url }, health: { path: "/healthz", startSeconds: 120 } };
  const revision = await makeRevision(plane, { files, configuration });
  await bring(plane, revision);
  const facts = await fixture.startInstance(revision);
  const health = { letter: "a", health: revision.configuration.health, minimumHealthyMs: 0 };
  expect(await plane.run("await-health", health, { deadlineMs: PATIENCE_MS })).toMatchObject({ kind: "succeeded" });
  await heardOf((base) => base.report !== null);
  return { ...facts, url: url.replace("{host}", facts.address) };
}

type Bases = Extract<AgentMessage, { kind: "bases" }>;

async function heardOf(isSo: (base: SlotBase) => boolean, from = 0): Promise<SlotBase> {
  const isIt = (message: AgentMessage): message is Bases => message.kind === "bases" && message.bases.some(isSo);
  const message = (await fixture.plane.heard(isIt, from)) as Bases;
  return message.bases.find(isSo)!;
}

const order = (type: CommandType, input: object): Promise<Outcome> =>
  fixture.plane.run(type, { base: fixture.plane.slot, ...input }, { slot: null, deadlineMs: PATIENCE_MS });

async function install({ name, version, object, bytes }: TestBundle, more: object = {}): Promise<Outcome> {
  fixture.plane.putObject(bytes);
  const input = { name, version, object, activate: true, replace: true, publish: null, ...more };
  return await order("install-module", input);
}

const get = async ({ address, port }: StartFacts, path: string): Promise<string> =>
  await (await fetch(`http://${address}:${port}${path}`)).text();

describe.each([
  ["a base of ours, by that API", NODE, null],
  ["a base in Java", JAVA, NO_JAVA],
] as const)("%s", { timeout: 2 * PATIENCE_MS }, (_, foreign, missing) => {
  const made = missing === null ? foreign.make() : { base: {}, jars: [] };
  const [one, two, broken, stock] = made.jars;
  beforeEach(({ skip }) => skip(missing !== null, missing ?? ""));

  test("a foreign base gets, exchanges and loses a module by the same orders, in the same process", async () => {
    const facts = await bringUp(foreign, made);
    expect(await install(one!)).toMatchObject({ kind: "succeeded", facts: { pid: facts.pid, already: false } });
    expect(await get(facts, "/prices")).toBe("prices 1.0.0");
    // A command that is taken up again after the agent was killed finds it there.
    expect(await install(one!)).toMatchObject({ kind: "succeeded", facts: { already: true, replaced: [] } });
    expect(await install(two!)).toMatchObject({ kind: "succeeded", facts: { replaced: ["1.0.0"] } });
    expect(await get(facts, "/prices")).toBe("prices 2.0.0");
    const { report } = await heardOf((base) => base.report?.modules[0]?.version === "2.0.0");
    expect(report).toMatchObject({ kind: "arklet", pid: facts.pid, description: foreign.description });
    expect(report?.modules).toMatchObject([{ name: "prices", state: "active", published: true, origin: "order" }]);
    const both = { name: "prices", version: "2.0.0" };
    expect(await order("unpublish-module", both)).toMatchObject({
      kind: "failed",
      problem: { code: "ARKLET_UNSUPPORTED" },
    });
    expect(await order("uninstall-module", both)).toMatchObject({ kind: "succeeded" });
    expect(await order("uninstall-module", both)).toMatchObject({ kind: "succeeded", facts: { absent: true } });
    expect(await get(facts, "/prices")).toContain("the base");
    expect(await order("query-modules", {})).toMatchObject({ facts: { pid: facts.pid, modules: [] } });
  });

  test("a version that stands beside another serves once it is switched to; what the base cannot start leaves the old one serving", async () => {
    const facts = await bringUp(foreign, made);
    await install(one!);
    expect(await install(two!, { replace: false })).toMatchObject({ kind: "succeeded" });
    expect(await get(facts, "/prices")).toBe("prices 1.0.0");
    expect(await order("publish-module", { name: "prices", version: "2.0.0", tags: {} })).toMatchObject({
      kind: "succeeded",
      facts: { modules: ["prices@1.0.0 resolved", "prices@2.0.0 active"] },
    });
    expect(await get(facts, "/prices")).toBe("prices 2.0.0");
    // What stands by needs nothing to stand by; what serves alone cannot be made to.
    const back = { name: "prices", version: "1.0.0" };
    expect(await order("deactivate-module", back)).toMatchObject({ kind: "succeeded" });
    expect(await order("uninstall-module", back)).toMatchObject({ kind: "succeeded" });
    expect(await install(one!, { replace: false, activate: false })).toMatchObject({
      kind: "succeeded",
      facts: { modules: ["prices@2.0.0 active", "prices@1.0.0 resolved"] },
    });
    expect(await install(stock!, { activate: false })).toMatchObject({ problem: { code: "ARKLET_UNSUPPORTED" } });
    const outcome = await install(broken!);
    expect(outcome).toMatchObject({
      kind: "failed",
      problem: { code: "ARKLET_FAILED", facts: { command: "installBiz" } },
    });
    expect(JSON.stringify(outcome)).toContain("no database for prices");
    expect(outcome.output?.head).toContain(foreign.place);
    expect(await get(facts, "/prices")).toBe("prices 2.0.0");
  });

  test("what another tool brings is told as its doing, without being asked", async () => {
    const { url } = await bringUp(foreign, made);
    const file = join(fixture.host.home, "stock.jar");
    await writeFile(file, stock!.bytes);
    const body = JSON.stringify({ bizUrl: pathToFileURL(file).href });
    expect(await (await fetch(`${url}/installBiz`, { method: "POST", body })).json()).toMatchObject({
      code: "SUCCESS",
    });
    const { report } = await heardOf((base) => base.report?.modules.length === 1);
    expect(report?.modules).toMatchObject([{ name: "stock", origin: "arklet", state: "active" }]);
  });

  test("a new process of a foreign base gets its modules back before it is healthy", async () => {
    const facts = await bringUp(foreign, made);
    await install(one!);
    await install(two!, { replace: false, publish: { tags: {} } });
    expect(await get(facts, "/prices")).toBe("prices 2.0.0");
    const from = fixture.plane.messages.length;
    killIdentity(readIdentity(facts.pid)!, "SIGKILL");
    const healthy = await fixture.plane.heard(
      (message) =>
        message.kind === "instances" &&
        message.instances.some(({ state, pid }) => state === "healthy" && pid !== facts.pid),
      from,
    );
    const told = fixture.plane.messages.slice(from, fixture.plane.messages.indexOf(healthy));
    const bases = told.flatMap((message) => (message.kind === "bases" ? message.bases : []));
    const brought = bases
      .at(-1)
      ?.report?.modules.map(({ name, version, state, origin }) => [name, version, state, origin]);
    expect(brought).toEqual([
      ["prices", "1.0.0", "resolved", "order"],
      ["prices", "2.0.0", "active", "order"],
    ]);
    expect(await get(facts, "/prices")).toBe("prices 2.0.0");
  });
});

test.each([
  ["http://127.0.0.1:1238", true],
  ["http://localhost:1238/", true],
  ["http://127.0.41.12:1238", true],
  ["http://127.0.0.1.example:1238", false],
  ["http://10.0.0.7:1238", false],
  ["https://127.0.0.1:1238", false],
  ["http://127.0.0.1:1238/api", false],
  ["1238", false],
])("%s is an address of the loopback: %s", (text, isOne) => {
  expect(arkletUrl(text) !== null).toBe(isOne);
});

test("states are read in upper and in lower case, and what has no name here is listed, not operated", () => {
  const biz = (bizName: string, bizState: string, more: object = {}) => ({
    bizName,
    bizVersion: "1.0.0",
    bizState,
    ...more,
  });
  const broken = { bizStateRecords: [{ changeTime: 1_700_000_000_000, reason: "Install Failed", message: "no bean" }] };
  const since = "2026-01-01T00:00:00.000Z";
  const { modules, problem } = reportOf({
    all: [
      biz("a", "activated"),
      biz("b", "DEACTIVATED"),
      biz("c", "STOPPED"),
      biz("d", "Broken", broken),
      biz("E_f", "RESOLVED"),
    ],
    ...{ master: { bizName: null }, wanted: { modules: [], rules: [], businesses: [] }, pid: 7, since },
  });
  expect(modules.map(({ name, state, published, since: at }) => `${name} ${state} ${published} ${at}`)).toEqual([
    `a active true ${since}`,
    `b resolved false ${since}`,
    "d broken false 2023-11-14T22:13:20.000Z",
  ]);
  expect(modules[2]?.problem).toMatchObject({ facts: { problem: "Install Failed: no bean" } });
  expect(problem).toMatchObject({ code: "ARKLET_NAMES", facts: { modules: "E_f:1.0.0" } });
});
