import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExitPoint } from "@evenkeel/agent-core/exit-point";
import type { Command, Outcome } from "@evenkeel/contracts/agent-protocol";
import { killIdentity, readIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { answering, BASE_SERVER, type TestBundle, waitingFor } from "@evenkeel/testkit/base-application";
import { expect, test } from "vitest";
import { Fixture, type StartFacts } from "../testing/fixture.ts";
import { bring, makeRevision } from "../testing/package.ts";

const fixture = Fixture.forEachTest("127.0.41.10");

async function bringUp(): Promise<StartFacts> {
  const { plane, host } = fixture;
  await host.start();
  const configuration = { start: "node server.mjs" };
  const revision = await makeRevision(plane, { files: { "server.mjs": BASE_SERVER }, configuration });
  await bring(plane, revision);
  const facts = await fixture.startHealthy(revision);
  await plane.heard((message) => message.kind === "bases" && message.bases.some(({ report }) => report !== null));
  return facts;
}

/** A version whose activation counts itself in a file, and waits for another. */
function counting(version: string): { readonly bundle: TestBundle; letGo(): void; begun(): string } {
  const file = join(fixture.host.home, `go-${version}`);
  const begun = (): string => (existsSync(`${file}.begun`) ? readFileSync(`${file}.begun`, "utf8") : "");
  return { bundle: waitingFor(file, { name: "prices", version }), letGo: () => writeFileSync(file, ""), begun };
}

function installing({ name, version, object, bytes }: TestBundle): Command {
  const { plane } = fixture;
  plane.putObject(bytes);
  const input = { name, version, object, activate: true, replace: true, publish: { tags: {} } };
  return plane.command("install-module", { base: plane.slot, ...input }, { slot: null });
}

/** The next agent is asked for what the one that was killed had in hand. */
async function goOn(command: Command): Promise<Outcome> {
  const { plane, host } = fixture;
  const seen = plane.messages.length;
  const told = plane.messages.some((one) => one.kind === "outcome" && one.commandId === command.commandId);
  await host.start();
  const hello = await plane.heard(({ kind }) => kind === "hello", seen);
  const known = hello.kind === "hello" && hello.open.some(({ commandId }) => commandId === command.commandId);
  // As the outbox does: what the agent does not know, and what has no outcome, is sent again.
  if (!known && !told) plane.send({ kind: "command", command });
  return await plane.outcomeOf(command.commandId);
}

/** The module is being activated, and the agent that has brought it is dead. */
async function killedInMidInstall(version = "1.0.0", before?: TestBundle) {
  const facts = await bringUp();
  const { plane, host } = fixture;
  if (before !== undefined) {
    const first = installing(before);
    plane.send({ kind: "command", command: first });
    expect(await plane.outcomeOf(first.commandId)).toMatchObject({ kind: "succeeded" });
  }
  const { bundle, letGo, begun } = counting(version);
  const command = installing(bundle);
  plane.send({ kind: "command", command });
  await expect.poll(begun, { timeout: 60_000 }).toBe(`prices ${version}\n`);
  await host.end("SIGKILL");
  return { facts, command, letGo, begun };
}

const pricesOf = async ({ address, port }: StartFacts): Promise<string> =>
  await (await fetch(`http://${address}:${port}/prices`)).text();

test("an agent that is killed while a module is being activated leaves the installation to the base, and the next one reports it, done once", async () => {
  const { facts, command, letGo, begun } = await killedInMidInstall();
  const { plane } = fixture;
  const outcome = goOn(command);
  await plane.heard(({ kind }) => kind === "hello", plane.messages.length);
  letGo();
  expect(await outcome).toMatchObject({
    kind: "succeeded",
    facts: { pid: facts.pid, modules: ["prices@1.0.0 active"] },
  });
  expect(begun()).toBe("prices 1.0.0\n");
  expect(await pricesOf(facts)).toBe("prices 1.0.0");
});

test("what the base has done while nobody was there to hear of it is not done again", async () => {
  const { facts, command, letGo, begun } = await killedInMidInstall();
  letGo();
  await expect.poll(() => pricesOf(facts), { timeout: 60_000 }).toBe("prices 1.0.0");
  expect(await goOn(command)).toMatchObject({ kind: "succeeded" });
  expect(begun()).toBe("prices 1.0.0\n");
});

test("a version that the base has replaced meanwhile is not brought back beside its successor", async () => {
  const { facts, command, letGo } = await killedInMidInstall("2.0.0", answering("prices", "1.0.0"));
  expect(await pricesOf(facts)).toBe("prices 1.0.0");
  letGo();
  await expect.poll(() => pricesOf(facts), { timeout: 60_000 }).toBe("prices 2.0.0");
  expect(await goOn(command)).toMatchObject({ kind: "succeeded", facts: { modules: ["prices@2.0.0 active"] } });
  expect(await pricesOf(facts)).toBe("prices 2.0.0");
});

test("agent and base killed together: the base's next process gets the module once, from the command that was in hand", async () => {
  const { facts, command, letGo, begun } = await killedInMidInstall();
  const identity = readIdentity(facts.pid)!;
  killIdentity(identity, "SIGKILL");
  await waitGone(identity, 60_000);
  letGo();
  expect(await goOn(command)).toMatchObject({ kind: "succeeded", facts: { modules: ["prices@1.0.0 active"] } });
  // Once in each process: the first took its part with it.
  expect(begun()).toBe("prices 1.0.0\nprices 1.0.0\n");
  expect(await pricesOf(facts)).toBe("prices 1.0.0");
});

const POINTS: ExitPoint[] = ["after-journal", "after-start-journal", "after-effect", "before-outcome-journal"];

test.each(POINTS)(
  "an agent that is killed at %s leaves one installation, and what the base shall hold is kept",
  async (point) => {
    const facts = await bringUp();
    const { plane, host } = fixture;
    await host.end("SIGKILL");
    await host.start({ EVENKEEL_EXIT_AT: point });
    const { bundle, letGo, begun } = counting("1.0.0");
    letGo();
    const command = installing(bundle);
    plane.send({ kind: "command", command });
    await host.ended();
    expect(await goOn(command)).toMatchObject({ kind: "succeeded", facts: { pid: facts.pid } });
    expect(begun()).toBe("prices 1.0.0\n");
    const from = plane.messages.length;
    killIdentity(readIdentity(facts.pid)!, "SIGKILL");
    const isBack = (pid: number | undefined): boolean => pid !== undefined && pid !== facts.pid;
    await plane.heard(
      (message) =>
        message.kind === "bases" &&
        message.bases.some(({ report }) => isBack(report?.pid) && report?.modules[0]?.state === "active"),
      from,
    );
    expect(await pricesOf(facts)).toBe("prices 1.0.0");
  },
);
