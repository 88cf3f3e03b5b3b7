import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentMessage } from "@evenkeel/contracts/agent-protocol";
import { expect, test } from "vitest";
import { processesOf } from "./testing/agent-process.ts";
import { Fixture } from "./testing/fixture.ts";
import { bring, makeRevision, pack } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.40.2");

const sh = (text: string) => ({ revisionId: null, command: ["/bin/sh", "-c", text] });

test("a script that is running survives kill -9 of its agent, writes on into the same file, and the next agent reports its exit code", async () => {
  const { plane, host } = fixture;
  await host.start();
  const go = join(host.home, "go");
  const command = plane.command(
    "run-script",
    sh(`echo before; until [ -e '${go}' ]; do sleep 0.05; done; echo after; exit 3`),
  );
  plane.send({ kind: "command", command });
  const output = join(host.home, "agent", "scripts", command.commandId, "output");
  await expect.poll(() => readFile(output, "utf8").catch(() => "")).toBe("before\n");
  await host.end("SIGKILL");
  expect(processesOf(plane.hostId).length).toBeGreaterThan(0);
  await writeFile(go, "");
  // The script comes to its end while no agent lives.
  await expect.poll(() => readFile(output, "utf8")).toBe("before\nafter\n");
  await expect.poll(() => processesOf(plane.hostId)).toEqual([]);
  await host.start();
  expect(await plane.outcomeOf(command.commandId)).toMatchObject({
    kind: "failed",
    exitCode: 3,
    problem: { code: "SCRIPT_FAILED" },
    output: { head: "before\nafter\n" },
  });
});

test("a script that an agent has taken up from a killed one is ended at the deadline it was given at first", async () => {
  const { plane, host } = fixture;
  await host.start();
  const go = join(host.home, "go");
  const deadlineMs = 4000;
  const command = plane.command("run-script", sh(`echo on; until [ -e '${go}' ]; do sleep 0.05; done; sleep 2`), {
    deadlineMs,
  });
  plane.send({ kind: "command", command });
  await plane.heard(({ kind }) => kind === "output");
  await host.end("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, deadlineMs));
  // Given all of its time anew it would come to its end by itself now.
  await host.start();
  await writeFile(go, "");
  const outcome = await plane.outcomeOf(command.commandId);
  const output = { head: expect.stringContaining("on\n") };
  expect(outcome).toMatchObject({ kind: "timed-out", problem: { code: "SCRIPT_TIMEOUT" }, output });
  await expect.poll(() => processesOf(plane.hostId)).toEqual([]);
});

test("the output of a script is told while it runs, and at the end its head and tail with the gap counted", async () => {
  const { plane, host } = fixture;
  await host.start();
  const script = "echo first; sleep 0.3; i=0; while [ $i -lt 5000 ]; do echo line-$i; i=$((i+1)); done; echo last >&2";
  const outcome = await plane.run("run-script", sh(script));
  const live = plane.messages.filter((one): one is Extract<AgentMessage, { kind: "output" }> => one.kind === "output");
  expect(live[0]?.text).toBe("first\n");
  const { output } = outcome as { output: { head: string; gapBytes: number; tail: string } };
  expect(output.head.startsWith("first\nline-0\n")).toBe(true);
  expect(output.tail.endsWith("line-4999\nlast\n")).toBe(true);
  const all = ["first", ...Array.from({ length: 5000 }, (_, at) => `line-${at}`), "last", ""].join("\n");
  expect(output.head.length + output.gapBytes + output.tail.length).toBe(all.length);
});

test("a script is tried as often as its limits say, its output is the last attempt's, and a killed agent repeats none", async () => {
  const { plane, host } = fixture;
  await host.start();
  const count = join(host.home, "count");
  const text = `echo x >>'${count}'; tries=$(wc -l <'${count}'); echo "try $tries"; [ "$tries" -ge 3 ]`;
  const limits = { timeoutSeconds: 10, retries: 2, intervalSeconds: 0 };
  expect(await plane.run("run-script", { ...sh(text), limits })).toMatchObject({
    kind: "succeeded",
    exitCode: 0,
    output: { head: "try 3\n" },
  });
  const failing = plane.command("run-script", {
    ...sh(`echo y >>'${count}'; exit 4`),
    limits: { ...limits, intervalSeconds: 1 },
  });
  plane.send({ kind: "command", command: failing });
  await expect.poll(() => readFile(count, "utf8")).toBe("x\nx\nx\ny\n");
  await host.end("SIGKILL");
  await host.start();
  expect(await plane.outcomeOf(failing.commandId)).toMatchObject({ kind: "failed", exitCode: 4 });
  expect(await readFile(count, "utf8")).toBe("x\nx\nx\ny\ny\ny\n");
  const slow = await plane.run("run-script", {
    ...sh("echo began; sleep 60"),
    limits: { timeoutSeconds: 1, retries: 0 },
  });
  expect(slow).toMatchObject({
    kind: "timed-out",
    problem: { facts: { seconds: 1 } },
    output: { head: expect.stringContaining("began") },
  });
});

test("a script beside an instance knows its address, its port and its parameters", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane, { configuration: { env: { LEVEL: "7" } } });
  await bring(plane, revision);
  const { port } = await fixture.startHealthy(revision);
  const { revisionId } = revision;
  const script = {
    revisionId,
    letter: "a",
    command: ["/bin/sh", "-c", 'echo "$HOST $PORT $LEVEL $WORD"'],
    env: { WORD: "hi" },
  };
  expect(await plane.run("run-script", script)).toMatchObject({ output: { head: `${host.address} ${port} 7 hi\n` } });
});

test("a script with Windows line ends is refused by its name before it runs", async () => {
  const { plane, host } = fixture;
  await host.start();
  const archive = await pack({ "bin/start.sh": { text: "#!/bin/sh\r\necho up\r\n", mode: 0o755 } });
  const revision = await makeRevision(plane, { archive, configuration: { start: "./bin/start.sh --now" } });
  expect(await plane.run("fetch-package", revision.fetch)).toMatchObject({ kind: "succeeded" });
  expect(await plane.run("stage-revision", revision.stage)).toMatchObject({
    kind: "failed",
    problem: { code: "SCRIPT_CRLF", facts: { file: "./bin/start.sh" } },
  });
});

test("setup runs once in a new revision, and a check that fails refuses the start with its last output", async () => {
  const { plane, host } = fixture;
  await host.start();
  const count = join(host.home, "count");
  const revision = await makeRevision(plane, {
    lifecycle: {
      setup: `#!/bin/sh\necho "$REVISION $PWD" >>'${count}'\n`,
      check: '#!/bin/sh\n[ -n "$PORT" ] && echo "not on $HOST" && exit 7\n',
    },
  });
  await bring(plane, revision);
  await bring(plane, revision);
  const folder = join(host.home, "agent", "revisions", plane.slot, revision.revisionId, "app");
  expect(await readFile(count, "utf8")).toBe(`${revision.revisionId} ${folder}\n`);
  const start = await plane.run("start-instance", { letter: "a", revisionId: revision.revisionId });
  expect(start).toMatchObject({
    kind: "failed",
    exitCode: 7,
    problem: { code: "SCRIPT_FAILED", facts: { command: "lifecycle/check" } },
    output: { head: `not on ${host.address}\n` },
  });
  await expect.poll(() => processesOf(plane.hostId)).toEqual([]);
});

test("a setup that fails is tried again as often as its buildpack says, and the last attempt decides", async () => {
  const { plane, host } = fixture;
  await host.start();
  const count = join(host.home, "count");
  const setup = `#!/bin/sh\necho again >>'${count}'\n[ "$(wc -l <'${count}')" -ge 3 ] || exit 4\n`;
  const limits = { setup: { retries: 2, intervalSeconds: 0 } };
  const revision = await makeRevision(plane, { lifecycle: { setup }, limits });
  await plane.run("fetch-package", revision.fetch);
  expect(await plane.run("stage-revision", revision.stage)).toMatchObject({ kind: "succeeded" });
  expect(await readFile(count, "utf8")).toBe("again\n".repeat(3));
  const never = await makeRevision(plane, { lifecycle: { setup: "#!/bin/sh\necho no\nexit 4\n" }, limits });
  await plane.run("fetch-package", never.fetch);
  expect(await plane.run("stage-revision", never.stage)).toMatchObject({
    kind: "failed",
    exitCode: 4,
    problem: { code: "SCRIPT_FAILED", facts: { command: "lifecycle/setup" } },
    output: { head: "no\n" },
  });
});

test("an attempt that hangs is ended at its own limit, with everything that it started, and the next one counts", async () => {
  const { plane, host } = fixture;
  await host.start();
  const tried = join(host.home, "tried");
  const check = `#!/bin/sh\n[ -e '${tried}' ] && exit 0\ntouch '${tried}'\nsleep 1000\n`;
  const limits = { check: { timeoutSeconds: 1, retries: 1, intervalSeconds: 0 } };
  const revision = await makeRevision(plane, { lifecycle: { check }, limits });
  await bring(plane, revision);
  expect(await plane.run("start-instance", { letter: "a", revisionId: revision.revisionId })).toMatchObject({
    kind: "succeeded",
  });
  const hangs = await makeRevision(plane, { lifecycle: { check: "#!/bin/sh\nsleep 1000\n" }, limits });
  await bring(plane, hangs);
  expect(await plane.run("start-instance", { letter: "b", revisionId: hangs.revisionId })).toMatchObject({
    kind: "timed-out",
    problem: { code: "SCRIPT_TIMEOUT", facts: { command: "lifecycle/check", seconds: 1 } },
  });
});

test("a host that lacks what a buildpack needs says which command", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane, { needs: ["platform-node", "sh", "no-such-command"] });
  await plane.run("fetch-package", revision.fetch);
  expect(await plane.run("stage-revision", revision.stage)).toMatchObject({
    problem: { code: "NEED_MISSING", facts: { need: "no-such-command", buildpack: "test" } },
  });
});

test("an input that is no input of its command is refused, and the agent goes on", async () => {
  const { plane, host } = fixture;
  await host.start();
  expect(await plane.run("run-script", { command: [] })).toMatchObject({
    kind: "refused",
    problem: { code: "INPUT_INVALID" },
  });
  plane.link?.send("this is no JSON");
  plane.link?.send(JSON.stringify({ kind: "command", command: { commandId: "x" } }));
  expect(await plane.run("no-op", {})).toMatchObject({ kind: "succeeded" });
});
