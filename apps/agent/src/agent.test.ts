import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { processesOf } from "./testing/agent-process.ts";
import { ask, Fixture } from "./testing/fixture.ts";
import { bring, makeRevision } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.40.1");

test("a package is fetched, staged, started in a clean environment, and stopped", async () => {
  const { plane, host } = fixture;
  await host.start({ SECRET_OF_THE_AGENT: "x" });
  const revision = await makeRevision(plane, { configuration: { env: { LOG_LEVEL: "info" } } });
  await bring(plane, revision);
  const facts = await fixture.startHealthy(revision);
  const answer = await ask(facts);
  expect(answer).toMatchObject({ version: "1.0.0", pid: facts.pid });
  expect(answer.env).toMatchObject({
    ...{ HOST: host.address, PORT: String(facts.port), LOG_LEVEL: "info" },
    ...{ EVENKEEL_APPLICATION: "shop", EVENKEEL_WORKSPACE: "local", EVENKEEL_VERSION: "1.0.0" },
    EVENKEEL_HOST: expect.stringMatching(/./),
  });
  expect(Object.keys(answer.env).filter((name) => /TOKEN|CREDENTIAL|SECRET|CONTROL_PLANE|AGENT/.test(name))).toEqual(
    [],
  );
  expect(await fixture.stop(3000)).toMatchObject({ facts: { how: "TERM" } });
  expect(processesOf(plane.hostId)).toEqual([]);
});

test("an application survives kill -9 of its agent, writes on into the same file, and is adopted", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane);
  await bring(plane, revision);
  const facts = await fixture.startHealthy(revision);
  await host.end("SIGKILL");
  const log = join(host.home, "agent", "instances", plane.slot, "a", "stdout.log");
  const before = await readFile(log, "utf8");
  await expect.poll(async () => (await readFile(log, "utf8")).length).toBeGreaterThan(before.length);
  expect((await readFile(log, "utf8")).startsWith(before)).toBe(true);
  await host.start();
  const hello = plane.messages.findLast(({ kind }) => kind === "hello");
  expect(hello).toMatchObject({ instances: [{ pid: facts.pid, state: "healthy", restarts: 0 }] });
  expect((await ask(facts)).pid).toBe(facts.pid);
  const again = await plane.run("start-instance", { letter: "a", revisionId: revision.revisionId });
  expect(again).toMatchObject({ facts: { pid: facts.pid, reused: true } });
  expect(await fixture.stop(3000)).toMatchObject({ facts: { how: "TERM" } });
  expect(processesOf(plane.hostId)).toEqual([]);
});
