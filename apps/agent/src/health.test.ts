import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentMessage, InstanceReport } from "@evenkeel/contracts/agent-protocol";
import { causesOfProblem } from "@evenkeel/contracts/cause/find-causes";
import { killIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { expect, test } from "vitest";
import { TestHost } from "./testing/agent-process.ts";
import { TestControlPlane } from "./testing/control-plane.ts";
import { ask, Fixture } from "./testing/fixture.ts";
import { bring, makeRevision, type RevisionOptions, SERVER } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.40.5");

async function prepare(options: RevisionOptions = {}) {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane, options);
  await bring(plane, revision);
  return revision;
}

const reportsOf = (plane: TestControlPlane): InstanceReport[] =>
  plane.messages
    .filter((one): one is Extract<AgentMessage, { kind: "instances" }> => one.kind === "instances")
    .flatMap(({ instances }) => instances);

test("an application that ends before it is healthy fails at once, with exit code, last words and a likely cause", async () => {
  const revision = await prepare({ files: { "server.js": 'console.error("no database"); process.exit(4);' } });
  await fixture.startInstance(revision);
  expect(await fixture.awaitHealth(revision, { startSeconds: 60 })).toMatchObject({
    kind: "failed",
    exitCode: 4,
    problem: { code: "START_FAILED", facts: { exit: "exit code 4" } },
    output: { head: "no database\n" },
  });
});

const told = (plane: TestControlPlane): string =>
  plane.messages.flatMap((one) => (one.kind === "output" ? [one.text] : [])).join("");

test("what an instance prints while it becomes healthy is told as it comes, and only of this start", async () => {
  const { plane } = fixture;
  const chatty = `console.log("first");\n${SERVER}`;
  const revision = await prepare({ files: { "server.js": chatty } });
  await fixture.startHealthy(revision);
  expect(told(plane).split("\n")).toEqual(expect.arrayContaining(["first", "up as 1.0.0", "a word on standard error"]));
  await fixture.stop(3000);
  await fixture.startHealthy(revision);
  expect(told(plane).match(/first/g)).toHaveLength(2);
});

test("of an instance that prints without end so much is told, and where the rest is", async () => {
  const loud = `for (let line = 0; line < 1000; line += 1) console.log("line " + line);\n${SERVER}`;
  const revision = await prepare({ files: { "server.js": loud } });
  await fixture.startHealthy(revision);
  const lines = told(fixture.plane).trimEnd().split("\n");
  expect(lines).toHaveLength(41);
  expect([lines[0], lines[39], lines[40]]).toEqual(["line 0", "line 39", "… and more: `evenkeel logs`"]);
});

test("a start command that is not there is named", async () => {
  const revision = await prepare({ configuration: { start: "no-such-program --port {port}" } });
  await fixture.startInstance(revision);
  expect(await fixture.awaitHealth(revision)).toMatchObject({
    kind: "failed",
    problem: { code: "START_COMMAND_MISSING", facts: { command: "no-such-program --port {port}" } },
  });
});

test("an application that is never healthy fails at its deadline with the last answer", async () => {
  const revision = await prepare({ configuration: { env: { BROKEN: "1" } } });
  await fixture.startInstance(revision);
  expect(await fixture.awaitHealth(revision, { startSeconds: 4 })).toMatchObject({
    kind: "timed-out",
    problem: { code: "HEALTH_TIMEOUT", facts: { problem: "/healthz answered 500, not 200" } },
  });
});

test("an application that listens elsewhere is told where it listens", async () => {
  const revision = await prepare({ configuration: { env: { LISTEN: "127.0.0.1" } } });
  const { port } = await fixture.startInstance(revision);
  const outcome = await fixture.awaitHealth(revision, { startSeconds: 2 });
  const problem = `nothing listens on 127.0.40.5:${port}; the application listens on 127.0.0.1:${port}`;
  expect(outcome).toMatchObject({ kind: "timed-out", problem: { code: "HEALTH_TIMEOUT", facts: { problem } } });
});

test("a foreign process that answers in the place of an instance is found out and named", async () => {
  // It does not listen at all: whoever answers on its port is somebody else.
  const idle = "setInterval(() => {}, 1000);";
  const revision = await prepare({
    files: { "server.js": idle },
    configuration: { health: { tcp: true, startSeconds: 20, intervalSeconds: 1 } },
  });
  const { port } = await fixture.startInstance(revision);
  const stranger = createServer().listen(port, "0.0.0.0");
  try {
    const outcome = await fixture.awaitHealth(revision);
    expect(outcome).toMatchObject({ kind: "failed", problem: { code: "PORT_NOT_OURS", facts: { port } } });
    expect(JSON.stringify(outcome)).toContain(`process ${process.pid} (`);
  } finally {
    stranger.close();
  }
});

test("a fixed port that somebody has is refused with the holder named, and nothing is started", async () => {
  const stranger = createServer().listen(0, "0.0.0.0");
  await once(stranger, "listening");
  const { port } = stranger.address() as { port: number };
  try {
    const revision = await prepare({ configuration: { port } });
    const outcome = await fixture.plane.run("start-instance", { letter: "a", revisionId: revision.revisionId });
    expect(outcome).toMatchObject({ kind: "failed", problem: { code: "PORT_TAKEN", facts: { port } } });
    expect(JSON.stringify(outcome)).toContain(`process ${process.pid} (`);
    expect(reportsOf(fixture.plane)).toEqual([]);
  } finally {
    stranger.close();
  }
});

test("an application that listens on the wildcard runs on four hosts of one machine", async () => {
  const others = await Promise.all(
    ["127.0.40.6", "127.0.40.7", "127.0.40.8"].map(async (address) => {
      const plane = await TestControlPlane.start();
      return { plane, host: await TestHost.create(address, plane) };
    }),
  );
  const all = [{ plane: fixture.plane, host: fixture.host }, ...others];
  try {
    const answers = await Promise.all(
      all.map(async ({ plane, host }) => {
        await host.start();
        const revision = await makeRevision(plane, { configuration: { env: { LISTEN: "::" } } });
        await bring(plane, revision);
        const start = await plane.run("start-instance", { letter: "a", revisionId: revision.revisionId });
        const { health } = revision.configuration;
        const healthy = await plane.run("await-health", { letter: "a", health, minimumHealthyMs: 0 });
        expect([start.kind, healthy.kind]).toEqual(["succeeded", "succeeded"]);
        const { facts } = start as unknown as { facts: { address: string; port: number; pid: number } };
        return { facts, answer: await ask(facts) };
      }),
    );
    for (const { facts, answer } of answers) expect(answer.pid).toBe(facts.pid);
    expect(new Set(answers.map(({ facts }) => facts.port)).size).toBe(4);
  } finally {
    for (const { plane, host } of others) {
      await host.dispose(plane.hostId);
      await plane.close();
    }
  }
});

test("an instance that crashes is started again on its port", async () => {
  const revision = await prepare();
  const facts = await fixture.startHealthy(revision);
  const killed = readIdentity(facts.pid);
  if (killed === null) throw new Error("the instance is not there");
  killIdentity(killed, "SIGKILL");
  await expect
    .poll(
      () =>
        ask(facts)
          .then(({ pid }) => pid !== facts.pid)
          .catch(() => false),
      { timeout: 10_000 },
    )
    .toBe(true);
  await fixture.stop(1000);
  const since = fixture.plane.messages.length;
  const bad = await makeRevision(fixture.plane, { files: { "server.js": 'require("no-such-module")' } });
  await bring(fixture.plane, bad);
  await fixture.startInstance(bad);
  const loops = () =>
    fixture.plane.messages
      .slice(since)
      .flatMap((one) => (one.kind === "instances" ? one.instances : []))
      .filter(({ state }) => state === "crash-loop");
  await expect.poll(() => loops().length, { timeout: 30_000 }).toBeGreaterThan(0);
  const problem = loops()[0]?.problem ?? null;
  expect(problem?.code).toBe("NEVER_HEALTHY");
  // Its last words are enough to tell why.
  expect(problem && causesOfProblem(problem)[0]).toMatchObject({
    code: "MODULE_MISSING",
    title: "The application asks for no-such-module, which the package does not hold.",
  });
}, 60_000);

const crashLoops = (plane: TestControlPlane): InstanceReport[] =>
  reportsOf(plane).filter(({ state }) => state === "crash-loop");
/** Notes each start in a file, then ends while the other file is there. */
const fragile = `
const files = require("node:fs");
files.appendFileSync(process.env.COUNTED, "x");
if (files.existsSync(process.env.BROKEN_BY)) process.exit(1);
${SERVER}`;

function fragileFiles() {
  const folder = mkdtempSync(join(tmpdir(), "fragile-"));
  const [starts, broken] = [join(folder, "starts"), join(folder, "broken")];
  const count = () => readFileSync(starts, "utf8").length;
  const env = { COUNTED: starts, BROKEN_BY: broken };
  return { count, breakIt: () => writeFileSync(broken, ""), env, dispose: () => rmSync(folder, { recursive: true }) };
}

test("an instance that was healthy once is started again however often it crashes, and that is one event", async () => {
  const files = fragileFiles();
  const revision = await prepare({ files: { "server.js": fragile }, configuration: { env: files.env } });
  const { pid } = await fixture.startHealthy(revision);
  files.breakIt();
  const killed = readIdentity(pid);
  if (killed === null) throw new Error("the instance is not there");
  killIdentity(killed, "SIGKILL");
  await expect.poll(() => crashLoops(fixture.plane).length, { timeout: 30_000 }).toBeGreaterThan(0);
  expect(crashLoops(fixture.plane)[0]?.problem?.code).toBe("CRASH_LOOP");
  const startedUntilThen = files.count();
  await expect.poll(files.count, { timeout: 30_000 }).toBeGreaterThan(startedUntilThen);
  expect(new Set(crashLoops(fixture.plane).map(({ since }) => since)).size).toBe(1);
  files.dispose();
}, 90_000);

test("an instance that never was healthy is given up after a few starts, by the next agent as well", async () => {
  const { plane, host } = fixture;
  const files = fragileFiles();
  files.breakIt();
  const revision = await prepare({ files: { "server.js": fragile }, configuration: { env: files.env } });
  await fixture.startInstance(revision);
  await expect.poll(() => crashLoops(plane).length, { timeout: 30_000 }).toBeGreaterThan(0);
  expect(crashLoops(plane)[0]?.problem?.code).toBe("NEVER_HEALTHY");
  expect(files.count()).toBe(5);
  const since = plane.messages.length;
  await host.end("SIGKILL");
  await host.start();
  // It restores what shall run before it says hello.
  const hello = await plane.heard((one) => one.kind === "hello", since);
  expect(hello).toMatchObject({ instances: [{ state: "crash-loop", problem: { code: "NEVER_HEALTHY" } }] });
  expect(files.count()).toBe(5);
  await fixture.startInstance(revision);
  await expect.poll(files.count, { timeout: 10_000 }).toBeGreaterThan(5);
  files.dispose();
}, 90_000);

test("an instance that stops answering well is reported unhealthy after three failures, and healthy again", async () => {
  const moody = SERVER.replace('"/healthz" && process.env.BROKEN', '"/healthz" && global.broken').replace(
    "setInterval",
    'process.on("SIGUSR1", () => (global.broken = !global.broken)); setInterval',
  );
  const revision = await prepare({ files: { "server.js": moody } });
  const { pid } = await fixture.startHealthy(revision);
  process.kill(pid, "SIGUSR1");
  await fixture.plane.heard((one) => one.kind === "instances" && one.instances[0]?.state === "unhealthy");
  const since = fixture.plane.messages.length;
  process.kill(pid, "SIGUSR1");
  await fixture.plane.heard((one) => one.kind === "instances" && one.instances[0]?.state === "healthy", since);
});

test("a child that holds the port is the instance too", async () => {
  const revision = await prepare({ configuration: { start: "sh -c 'node server.js & wait'" } });
  const facts = await fixture.startHealthy(revision);
  expect((await ask(facts)).pid).not.toBe(facts.pid);
});
