import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { killIdentity, readIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { expect, test } from "vitest";
import { processesOf } from "./testing/agent-process.ts";
import { ask, Fixture, type StartFacts } from "./testing/fixture.ts";
import { bring, makeRevision } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.41.6");

async function bringUp() {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane);
  await bring(plane, revision);
  return await fixture.startHealthy(revision);
}

async function killInstance({ pid }: StartFacts): Promise<void> {
  const identity = readIdentity(pid);
  if (identity === null) throw new Error("the instance is not there");
  killIdentity(identity, "SIGKILL");
  await waitGone(identity, 5000);
}

const answers = (facts: StartFacts) =>
  ask(facts).then(
    ({ pid }) => pid,
    () => null,
  );

/** What a host finds after it came up anew: records of another boot, whose pids mean nothing now. */
async function pretendReboot(record: string): Promise<void> {
  const text = await readFile(record, "utf8");
  await writeFile(
    record,
    text.replace(/"bootId":"[^"]*"/, '"bootId":"another-boot"').replace(/"pid":\d+/, `"pid":${process.pid}`),
  );
}

test("after a reboot the agent brings back what shall run, on its port, with the control plane away", async () => {
  const { plane, host } = fixture;
  const facts = await bringUp();
  await host.end("SIGKILL");
  await killInstance(facts);
  await pretendReboot(join(host.home, "agent", "instances", plane.slot, "a", "record"));
  await plane.close();
  host.spawn();
  await expect.poll(() => answers(facts), { timeout: 10_000 }).not.toBeNull();
  expect(await answers(facts)).not.toBe(facts.pid);
  await plane.listen();
  const hello = await plane.heard((message) => message.kind === "hello" && message.instances[0]?.restarts === 1);
  expect(hello).toMatchObject({ instances: [{ port: facts.port, letter: "a" }] });
});

test("a script that a reboot cut off is interrupted: nobody runs it a second time", async () => {
  const { plane, host } = fixture;
  await host.start();
  const runs = join(host.home, "runs");
  const input = { revisionId: null, command: ["/bin/sh", "-c", `echo run >>'${runs}'; sleep 100`] };
  const command = plane.command("run-script", input);
  plane.send({ kind: "command", command });
  await expect.poll(() => readFile(runs, "utf8").catch(() => "")).toBe("run\n");
  await host.end("SIGKILL");
  for (const identity of processesOf(plane.hostId)) killIdentity(identity, "SIGKILL");
  await expect.poll(() => processesOf(plane.hostId)).toEqual([]);
  await pretendReboot(join(host.home, "agent", "scripts", command.commandId, "record"));
  await host.start();
  expect(await plane.outcomeOf(command.commandId)).toMatchObject({ kind: "interrupted" });
  expect(await readFile(runs, "utf8")).toBe("run\n");
});

test("an instance that ended while no agent lived is started again by the next", async () => {
  const { host } = fixture;
  const facts = await bringUp();
  await host.end("SIGKILL");
  await killInstance(facts);
  await host.start();
  await expect.poll(() => answers(facts), { timeout: 10_000 }).not.toBeNull();
});

test("SIGTERM ends the agent alone; SIGUSR2 ends its instances too, and they come back with the next start", async () => {
  const { plane, host } = fixture;
  const facts = await bringUp();
  await host.end("SIGTERM");
  expect(await answers(facts)).toBe(facts.pid);
  await host.start();
  await host.end("SIGUSR2");
  expect(processesOf(plane.hostId)).toEqual([]);
  await host.start();
  await expect.poll(() => answers(facts), { timeout: 10_000 }).not.toBeNull();
});

test("what lives when the journal was lost is wanted as before: its next start keeps the process", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane);
  await bring(plane, revision);
  const facts = await fixture.startHealthy(revision);
  await host.end("SIGKILL");
  const folder = join(host.home, "agent");
  for (const name of await readdir(folder)) if (name.startsWith("journal.")) await rm(join(folder, name));
  await host.start();
  expect((await fixture.startHealthy(revision)).pid).toBe(facts.pid);
});
