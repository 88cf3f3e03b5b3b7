import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT_POINTS } from "@evenkeel/agent-core/exit-point";
import type { Command, Outcome } from "@evenkeel/contracts/agent-protocol";
import { expect, test } from "vitest";
import { ask, Fixture, type StartFacts } from "./testing/fixture.ts";
import { bring, makeRevision } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.40.3");

const countLines = async (path: string) => (await readFile(path, "utf8").catch(() => "")).split("\n").length - 1;

/** Sends the command to an agent that ends somewhere in the middle, then plays on with the next one. */
async function acrossTheEnd(command: Command, end: () => Promise<void>): Promise<Outcome> {
  const { plane, host } = fixture;
  plane.send({ kind: "command", command });
  await end();
  const seen = plane.messages.length;
  const told = plane.messages.some((one) => one.kind === "outcome" && one.commandId === command.commandId);
  await host.start();
  const hello = await plane.heard(({ kind }) => kind === "hello", seen);
  const known = hello.kind === "hello" && hello.open.some(({ commandId }) => commandId === command.commandId);
  // As the outbox does: what the agent does not know, and what has no outcome, is sent again.
  if (!known && !told) plane.send({ kind: "command", command });
  return await plane.outcomeOf(command.commandId);
}

test.each(EXIT_POINTS)(
  "an agent that is killed at %s leaves each effect done once, and the next reports it",
  async (point) => {
    const { plane, host } = fixture;
    const [starts, runs] = [join(host.home, "starts"), join(host.home, "runs")];
    await host.start();
    const revision = await makeRevision(plane, { configuration: { env: { STARTS: starts } } });
    await bring(plane, revision);
    await host.end("SIGKILL");

    await host.start({ EVENKEEL_EXIT_AT: point });
    const input = { revisionId: null, command: ["/bin/sh", "-c", `echo run >>'${runs}'; sleep 0.2`] };
    const script = plane.command("run-script", input);
    expect(await acrossTheEnd(script, () => host.ended())).toMatchObject({ kind: "succeeded", exitCode: 0 });
    expect(await countLines(runs)).toBe(1);
    await host.end("SIGKILL");

    await host.start({ EVENKEEL_EXIT_AT: point });
    const start = plane.command("start-instance", { letter: "a", revisionId: revision.revisionId });
    const outcome = await acrossTheEnd(start, () => host.ended());
    expect(outcome).toMatchObject({ kind: "succeeded", facts: { reused: false } });
    expect(await fixture.awaitHealth(revision)).toMatchObject({ kind: "succeeded" });
    const { facts } = outcome as unknown as { facts: StartFacts };
    expect(await countLines(starts)).toBe(1);
    expect((await ask(facts)).pid).toBe(facts.pid);
  },
);

test("agents that are killed at any moment leave each script run once", async () => {
  const { plane, host } = fixture;
  const runs = join(host.home, "runs");
  await host.start();
  for (let round = 0; round < 6; round += 1) {
    const input = { revisionId: null, command: ["/bin/sh", "-c", `echo ${round} >>'${runs}'`] };
    const killSoon = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 80));
      await host.end("SIGKILL");
    };
    expect(await acrossTheEnd(plane.command("run-script", input), killSoon)).toMatchObject({ kind: "succeeded" });
  }
  expect(await readFile(runs, "utf8")).toBe("0\n1\n2\n3\n4\n5\n");
});
