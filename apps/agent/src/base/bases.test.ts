import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentMessage, CommandType, Outcome, SlotBase } from "@evenkeel/contracts/agent-protocol";
import { killIdentity, readIdentity, waitGone } from "@evenkeel/kit/process-identity";
import {
  answering,
  asking,
  BASE_SERVER,
  failing,
  type TestBundle,
  waitingFor,
} from "@evenkeel/testkit/base-application";
import { expect, test } from "vitest";
import { Fixture, type StartFacts } from "../testing/fixture.ts";
import { bring, makeRevision } from "../testing/package.ts";

const fixture = Fixture.forEachTest("127.0.41.9");
const CONFIGURATION = { start: "node server.mjs" };

async function bringUp(): Promise<StartFacts> {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane, { files: { "server.mjs": BASE_SERVER }, configuration: CONFIGURATION });
  await bring(plane, revision);
  const facts = await fixture.startHealthy(revision);
  await heardOf((base) => base.report !== null);
  return facts;
}

type Bases = Extract<AgentMessage, { kind: "bases" }>;

async function heardOf(isSo: (base: SlotBase) => boolean, from = 0): Promise<SlotBase> {
  const isIt = (message: AgentMessage): message is Bases => message.kind === "bases" && message.bases.some(isSo);
  const message = (await fixture.plane.heard(isIt, from)) as Bases;
  return message.bases.find(isSo)!;
}

function order(type: CommandType, input: object): Promise<Outcome> {
  const { plane } = fixture;
  return plane.run(type, { base: plane.slot, ...input }, { slot: null });
}

async function install(bundle: TestBundle, more: object = {}): Promise<Outcome> {
  const { name, version, object, bytes } = bundle;
  fixture.plane.putObject(bytes);
  return await order("install-module", {
    name,
    version,
    object,
    activate: true,
    replace: true,
    publish: null,
    ...more,
  });
}

const get = async ({ address, port }: StartFacts, path: string): Promise<string> =>
  await (await fetch(`http://${address}:${port}${path}`)).text();

/** How often the base was asked for its health. */
const asked = async (facts: StartFacts): Promise<number> =>
  (JSON.parse(await get(facts, "/")) as { asked: number }).asked;

const PUBLISH = { publish: { tags: {} } };
const [one, two] = [answering("prices", "1.0.0"), answering("prices", "2.0.0")];

test("a module is installed, published, replaced and taken away in the same process, and each outcome comes after the news of it", async () => {
  const facts = await bringUp();
  expect(await install(one)).toMatchObject({ kind: "succeeded", facts: { pid: facts.pid } });
  expect(await get(facts, "/prices")).toContain("the base");
  expect(await order("publish-module", { name: "prices", version: "1.0.0", tags: {} })).toMatchObject({
    kind: "succeeded",
  });
  expect(await get(facts, "/prices")).toBe("prices 1.0.0");
  const from = fixture.plane.messages.length;
  expect(await install(two)).toMatchObject({ kind: "succeeded", facts: { replaced: ["1.0.0"] } });
  expect(await get(facts, "/prices")).toBe("prices 2.0.0");
  const kinds = fixture.plane.messages.slice(from).map(({ kind }) => kind);
  expect(kinds.indexOf("bases")).toBeLessThan(kinds.indexOf("outcome"));
  expect(await order("unpublish-module", { name: "prices", version: "2.0.0" })).toMatchObject({ kind: "succeeded" });
  expect(await get(facts, "/prices")).toContain("the base");
  expect(await order("uninstall-module", { name: "prices", version: "2.0.0" })).toMatchObject({ kind: "succeeded" });
  expect(await order("uninstall-module", { name: "prices", version: "2.0.0" })).toMatchObject({
    facts: { absent: true },
  });
  expect(await order("query-modules", {})).toMatchObject({ facts: { pid: facts.pid, modules: [] } });
});

test("a module that cannot be activated leaves the old one serving, and its outcome has reason and stack", async () => {
  const facts = await bringUp();
  await install(one, PUBLISH);
  const outcome = await install(failing("prices", "2.0.0"));
  expect(outcome).toMatchObject({ kind: "failed", problem: { code: "MODULE_ACTIVATION_FAILED" } });
  expect(JSON.stringify(outcome)).toContain("no database for prices");
  expect(outcome.output?.head).toContain("module:prices@2.0.0/index.js");
  expect(await get(facts, "/prices")).toBe("prices 1.0.0");
});

test("a process of the base that died comes back with the modules, and counts as healthy only then", async () => {
  const facts = await bringUp();
  await install(one, PUBLISH);
  const file = join(fixture.host.home, "go");
  await writeFile(file, "");
  await install(waitingFor(file, { name: "stock", version: "3.1.0" }));
  await rm(file);
  const { plane } = fixture;
  const from = plane.messages.length;
  const identity = readIdentity(facts.pid)!;
  killIdentity(identity, "SIGKILL");
  await waitGone(identity, 60_000);
  const isNew = ({ report }: SlotBase): boolean => report !== null && report.pid !== facts.pid;
  const healthy = (): AgentMessage[] =>
    plane.messages
      .slice(from)
      .filter(
        (message) =>
          message.kind === "instances" &&
          message.instances.some(({ state, pid }) => state === "healthy" && pid !== facts.pid),
      );
  await heardOf(
    (base) => isNew(base) && base.report?.modules.some(({ state }) => state === "activating") === true,
    from,
  );
  const before = await asked(facts);
  await expect.poll(() => asked(facts), { timeout: 60_000 }).toBeGreaterThan(before + 4);
  expect(healthy()).toEqual([]);
  await writeFile(file, "");
  await plane.heard((message) => healthy().includes(message), from);
  const told = plane.messages
    .slice(from)
    .flatMap((message) => (message.kind === "bases" ? message.bases.filter(isNew) : []));
  expect(told.at(-1)?.report?.modules).toMatchObject([
    { name: "prices", state: "active", published: true },
    { name: "stock", state: "active", published: false },
  ]);
  expect(await get(facts, "/prices")).toBe("prices 1.0.0");
  expect(await get(facts, "/stock")).toContain("the base");
});

/** What stands in the next process of the base, once so many modules are active there. */
async function nextProcess(pid: number, count: number): Promise<SlotBase> {
  const from = fixture.plane.messages.length;
  killIdentity(readIdentity(pid)!, "SIGKILL");
  return await heardOf(({ report }) => {
    const active = report?.modules.filter(({ state }) => state === "active") ?? [];
    return report?.pid !== pid && active.length === count;
  }, from);
}

const standing = ({ report }: SlotBase): string[] =>
  (report?.modules ?? []).map(({ name, version }) => `${name} ${version}`).sort();

test("a module comes back also where the one that it needs was replaced after it came, or was withdrawn", async () => {
  const facts = await bringUp();
  await install(asking("rates", "1.0.0"), PUBLISH);
  await install(asking("shop", "1.0.0", "rates"), PUBLISH);
  await install(asking("rates", "2.0.0"), PUBLISH);
  expect(await get(facts, "/shop")).toBe("rates 2.0.0");
  const second = await nextProcess(facts.pid, 2);
  expect(standing(second)).toEqual(["rates 2.0.0", "shop 1.0.0"]);
  expect(await get(facts, "/shop")).toBe("rates 2.0.0");
  const { name, version } = asking("rates", "2.0.0");
  await order("unpublish-module", { name, version });
  expect(standing(await nextProcess(second.report!.pid, 2))).toEqual(["rates 2.0.0", "shop 1.0.0"]);
  await order("publish-module", { name, version, tags: {} });
  expect(await get(facts, "/shop")).toBe("rates 2.0.0");
});

test("of several versions the same one answers in the next process, also where it came back before the others", async () => {
  const facts = await bringUp();
  const beside = { ...PUBLISH, replace: false };
  await install(asking("rates", "1.0.0"), PUBLISH);
  await install(asking("shop", "1.0.0", "rates"), beside);
  await install(asking("shop", "2.0.0"), beside);
  await install(asking("rates", "1.1.0"), PUBLISH);
  expect(await get(facts, "/shop")).toBe("nobody");
  expect(standing(await nextProcess(facts.pid, 3))).toEqual(["rates 1.1.0", "shop 1.0.0", "shop 2.0.0"]);
  await expect.poll(() => get(facts, "/shop")).toBe("nobody");
  expect(await order("publish-module", { name: "shop", version: "1.0.0", tags: {} })).toMatchObject({
    kind: "succeeded",
  });
  expect(await get(facts, "/shop")).toBe("rates 1.1.0");
  const from = fixture.plane.messages.findLastIndex(({ kind }) => kind === "bases");
  const told = await heardOf(() => true, from);
  expect(told.report?.modules.at(-1)).toMatchObject({ name: "shop", version: "1.0.0" });
  await nextProcess(told.report!.pid, 3);
  await expect.poll(() => get(facts, "/shop")).toBe("rates 1.1.0");
});

test("an installation whose base is killed meanwhile says that the base ended", async () => {
  const facts = await bringUp();
  const file = join(fixture.host.home, "never");
  const from = fixture.plane.messages.length;
  const outcome = install(waitingFor(file, { name: "stock", version: "3.1.0" }));
  await heardOf(({ report }) => report?.modules.some(({ state }) => state === "activating") === true, from);
  killIdentity(readIdentity(facts.pid)!, "SIGKILL");
  expect(await outcome).toMatchObject({
    kind: "failed",
    problem: { code: "BASE_UNREACHABLE", title: "The base gave no answer: its process ended before it answered." },
  });
});

test("a new agent finds the base that lives and leaves it alone", async () => {
  const facts = await bringUp();
  await install(one, PUBLISH);
  await fixture.host.end("SIGKILL");
  const from = fixture.plane.messages.length;
  await fixture.host.start();
  const base = await heardOf(({ report }) => report?.modules.length === 1, from);
  expect(base.report?.pid).toBe(facts.pid);
  expect(await install(two)).toMatchObject({ kind: "succeeded", facts: { replaced: ["1.0.0"] } });
  expect(await get(facts, "/prices")).toBe("prices 2.0.0");
});

test("a base that was cleared stays empty, also in its next process", async () => {
  const facts = await bringUp();
  await install(one, PUBLISH);
  expect(await order("clear-base", {})).toMatchObject({ facts: { pid: facts.pid, uninstalled: ["prices@1.0.0"] } });
  const from = fixture.plane.messages.length;
  killIdentity(readIdentity(facts.pid)!, "SIGKILL");
  const base = await heardOf(({ report }) => report !== null && report.pid !== facts.pid, from);
  expect(base.report?.modules).toEqual([]);
});

test("a command about a module where no base lives is refused with what to do", async () => {
  await fixture.host.start();
  expect(await install(one)).toMatchObject({ kind: "failed", problem: { code: "BASE_ABSENT" } });
});

test("a command with an older fence is refused for its module, and not for another", async () => {
  await bringUp();
  const { plane } = fixture;
  await install(one);
  const old = { slot: null, fence: { epoch: 1, token: 0 } };
  const { name, version } = one;
  const stale = await plane.run("unpublish-module", { base: plane.slot, name, version }, old);
  expect(stale).toMatchObject({ kind: "refused", problem: { code: "FENCE_STALE" } });
  const other = await plane.run("uninstall-module", { base: plane.slot, name: "stock", version }, old);
  expect(other).toMatchObject({ kind: "succeeded" });
});
