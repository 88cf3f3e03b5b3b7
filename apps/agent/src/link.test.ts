import { execFileSync } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { AgentMessage } from "@evenkeel/contracts/agent-protocol";
import { problemOf } from "@evenkeel/contracts/error";
import { expect, test } from "vitest";
import { TestHost } from "./testing/agent-process.ts";
import { TestControlPlane } from "./testing/control-plane.ts";
import { ask, Fixture } from "./testing/fixture.ts";
import { bring, makeRevision } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.41.3");

const countOf = (plane: TestControlPlane, kind: AgentMessage["kind"]) =>
  plane.messages.filter((message) => message.kind === kind).length;

test("a join token works once; the credential is kept for the host alone", async () => {
  const { plane, host } = fixture;
  await host.start();
  const credential = join(host.home, "agent", "credential.json");
  expect((await stat(credential)).mode & 0o777).toBe(0o600);
  expect(await readFile(credential, "utf8")).toContain(plane.credential);
  const other = await TestHost.create("127.0.41.4", plane);
  try {
    const agent = other.spawn();
    await other.ended();
    expect(agent.exitCode).toBe(1);
    expect(await other.log()).toContain("JOIN_TOKEN_USED");
  } finally {
    await other.dispose(plane.hostId);
  }
});

test("a second agent on the same folder is refused while the first one lives", async () => {
  const { host, plane } = fixture;
  await host.start();
  const first = host.agent;
  const second = host.spawn();
  await host.ended();
  expect(second.exitCode).toBe(1);
  expect(await host.log()).toContain("HOME_IN_USE");
  expect(await plane.run("no-op", {})).toMatchObject({ kind: "succeeded" });
  host.agent = first;
});

test("an agent whose control plane falls silent goes to the next one with what it has not been thanked for", async () => {
  const { plane } = fixture;
  const next = await TestControlPlane.start();
  Object.assign(next, { credential: plane.credential });
  const host = await TestHost.create("127.0.41.5", plane, next);
  try {
    await host.start();
    plane.silent = true;
    const command = plane.command("no-op", {});
    plane.send({ kind: "command", command });
    await plane.outcomeOf(command.commandId);
    const hello = await next.heard(({ kind }) => kind === "hello");
    expect(hello).toMatchObject({ open: [{ commandId: command.commandId, state: "ended" }] });
    expect(await next.outcomeOf(command.commandId)).toMatchObject({ kind: "succeeded" });
  } finally {
    await host.dispose(plane.hostId);
    await next.close();
  }
});

test("a command that lay in the socket while the agent was frozen is not started before the control plane says so", async () => {
  const { plane, host } = fixture;
  await host.start();
  const runs = join(host.home, "runs");
  const script = (fields = {}) =>
    plane.command("run-script", { revisionId: null, command: ["/bin/sh", "-c", `echo run >>'${runs}'`] }, fields);
  host.agent?.kill("SIGSTOP");
  const stale = script({ fence: { epoch: 1, token: 5 } });
  plane.send({ kind: "command", command: stale });
  await new Promise((resolve) => setTimeout(resolve, 6500));
  const since = plane.messages.length;
  // What has been decided meanwhile: that attempt is lost, and a newer worker goes on.
  plane.welcomes = () => ({ void: [stale.commandId] });
  host.agent?.kill("SIGCONT");
  await plane.heard(({ kind }) => kind === "hello", since);
  expect(await plane.run("run-script", script().input, { fence: { epoch: 1, token: 6 } })).toMatchObject({
    kind: "succeeded",
  });
  plane.send({ kind: "command", command: stale });
  const late = script({ fence: { epoch: 1, token: 5 } });
  plane.send({ kind: "command", command: late });
  expect(await plane.outcomeOf(late.commandId)).toMatchObject({ kind: "refused", problem: { code: "FENCE_STALE" } });
  expect(await readFile(runs, "utf8")).toBe("run\n");
});

test("a host that is set aside keeps its applications, starts nothing, and asks again", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane);
  await bring(plane, revision);
  const facts = await fixture.startHealthy(revision);
  plane.welcomes = () => null;
  const since = plane.messages.length;
  plane.send({ kind: "set-aside", problem: problemOf("DUPLICATE_AGENT", { host: "test-host" }) });
  plane.send({ kind: "command", command: plane.command("no-op", {}) });
  await plane.heard(({ kind }) => kind === "hello", since);
  expect(plane.messages.slice(since).some(({ kind }) => kind === "outcome")).toBe(false);
  expect((await ask(facts)).pid).toBe(facts.pid);
});

test("a challenge is answered, and host facts come with the heartbeat", async () => {
  const { plane, host } = fixture;
  await host.start();
  plane.send({ kind: "challenge", nonce: "n1" });
  await plane.heard((message) => message.kind === "challenge-answer" && message.nonce === "n1");
  const beat = await plane.heard((message) => message.kind === "heartbeat" && message.facts !== undefined);
  const { facts } = beat as Extract<AgentMessage, { kind: "heartbeat" }>;
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim();
  const total = Number(/^MemTotal:\s+(\d+)/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1]) * 1024;
  expect(facts).toMatchObject({ kernel, memoryTotalBytes: total, node: process.version });
  expect(facts?.diskFreeBytes).toBeGreaterThan(0);
});

test("the last lines of an application are read, and those that come are followed until nobody asks", async () => {
  const { plane, host } = fixture;
  await host.start();
  const revision = await makeRevision(plane);
  await bring(plane, revision);
  await fixture.startHealthy(revision);
  const linesOf = (readId: string) =>
    plane.messages.flatMap((message) => (message.kind === "log" && message.readId === readId ? message.lines : []));
  plane.send({ kind: "read-log", readId: "once", slot: plane.slot, lines: 1000, follow: false });
  await plane.heard((message) => message.kind === "log" && message.readId === "once" && message.end);
  expect(linesOf("once")).toContainEqual({ letter: "a", stream: "stdout", text: "up as 1.0.0" });
  expect(linesOf("once")).toContainEqual({ letter: "a", stream: "stderr", text: "a word on standard error" });
  plane.send({ kind: "read-log", readId: "follow", slot: plane.slot, lines: 0, follow: true });
  await expect.poll(() => linesOf("follow").length).toBeGreaterThan(3);
  expect(linesOf("follow").every(({ text }) => text === "tick")).toBe(true);
  plane.send({ kind: "end-log", readId: "follow" });
  await plane.run("no-op", {});
  const before = countOf(plane, "log");
  plane.send({ kind: "read-log", readId: "again", slot: plane.slot, lines: 1, follow: false });
  await plane.heard((message) => message.kind === "log" && message.readId === "again" && message.end);
  expect(linesOf("follow").length).toBeLessThanOrEqual(before);
});
