import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { listenersAt } from "@evenkeel/kit/listening";
import { readIdentity } from "@evenkeel/kit/process-identity";
import { expect, test } from "vitest";
import { processesOf } from "./testing/agent-process.ts";
import { Fixture } from "./testing/fixture.ts";
import { bring, makeRevision, type RevisionOptions, SERVER } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.40.4");

async function bringUp(options: RevisionOptions = {}) {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane, options);
  await bring(plane, revision);
  return { revision, facts: await fixture.startHealthy(revision) };
}

function expectAllGone(port: number): void {
  const { plane, host } = fixture;
  expect(processesOf(plane.hostId)).toEqual([]);
  expect(listenersAt(host.address, port)).toEqual([]);
}

test("a stop script that does its work ends the instance by itself", async () => {
  const { facts } = await bringUp({ lifecycle: { stop: '#!/bin/sh\nkill -KILL "$PID"\n' } });
  expect(await fixture.stop(4000)).toMatchObject({ kind: "succeeded", facts: { how: "stop-script" } });
  expectAllGone(facts.port);
});

test.each([
  ["fails", "#!/bin/sh\nexit 9\n"],
  ["hangs", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n"],
  ["is no program", "no interpreter, no machine code"],
])("a stop script that %s keeps no instance alive", async (_, stop) => {
  const { facts } = await bringUp({ lifecycle: { stop } });
  const outcome = await fixture.stop(2000);
  expect(outcome).toMatchObject({ kind: "succeeded", facts: { how: "TERM" } });
  expectAllGone(facts.port);
});

test("an instance whose package and stop script were deleted is ended all the same", async () => {
  const { facts } = await bringUp({ lifecycle: { stop: "#!/bin/sh\nexit 0\n" } });
  await rm(join(fixture.host.home, "agent", "revisions"), { recursive: true });
  expect(await fixture.stop(2000)).toMatchObject({ kind: "succeeded", facts: { how: "TERM" } });
  expectAllGone(facts.port);
});

const STUBBORN = `process.on("SIGTERM", () => {});\n${SERVER}`;

test("an instance that ignores TERM is killed when its time is over", async () => {
  const { facts } = await bringUp({ files: { "server.js": STUBBORN } });
  expect(await fixture.stop(500)).toMatchObject({ kind: "succeeded", facts: { how: "KILL" } });
  expectAllGone(facts.port);
});

test("children that left the session twice forked are ended with their instance", async () => {
  const { plane, host } = fixture;
  const pids = join(host.home, "pids");
  const daemon = `(setsid sh -c 'trap "" TERM HUP; echo $$ >>"${pids}"; while :; do sleep 1; done' &) &`;
  const { facts } = await bringUp({ configuration: { start: `${daemon} exec node server.js` } });
  await expect.poll(() => readFile(pids, "utf8").catch(() => "")).not.toBe("");
  expect(processesOf(plane.hostId).length).toBeGreaterThanOrEqual(2);
  expect(await fixture.stop(800)).toMatchObject({ kind: "succeeded", facts: { how: "KILL" } });
  expectAllGone(facts.port);
  const pid = Number(await readFile(pids, "utf8"));
  expect(readIdentity(pid)).toBeNull();
});

test("stopping what is gone succeeds and says so, and a stopped instance does not come back", async () => {
  await bringUp();
  expect(await fixture.stop(2000)).toMatchObject({ facts: { how: "TERM" } });
  expect(await fixture.stop(2000)).toMatchObject({ facts: { how: "was-gone" } });
  await fixture.host.end("SIGKILL");
  await fixture.host.start();
  expect(fixture.plane.messages.findLast(({ kind }) => kind === "hello")).toMatchObject({
    instances: [{ state: "stopped", pid: null }],
  });
  expect(processesOf(fixture.plane.hostId)).toEqual([]);
});

test("a stop that its agent began before it was killed is brought to its end by the next", async () => {
  const { plane, host } = fixture;
  const { facts } = await bringUp({ files: { "server.js": STUBBORN } });
  const command = plane.command("stop-instance", { letter: "a", stopMs: 1000 });
  plane.send({ kind: "command", command });
  await plane.heard(({ kind }) => kind === "started", plane.messages.length);
  await host.end("SIGKILL");
  await host.start();
  expect(await plane.outcomeOf(command.commandId)).toMatchObject({ kind: "succeeded", facts: { how: "KILL" } });
  expectAllGone(facts.port);
});
