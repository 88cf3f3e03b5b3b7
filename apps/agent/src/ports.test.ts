import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { promisify } from "node:util";
import { Claims } from "@evenkeel/kit/claim";
import { afterEach, beforeEach, expect, test } from "vitest";
import { choosePort, isFree } from "./ports.ts";
import { TestHost } from "./testing/agent-process.ts";
import { TestControlPlane } from "./testing/control-plane.ts";
import { ask, type StartFacts } from "./testing/fixture.ts";
import { bring, makeRevision } from "./testing/package.ts";

const ADDRESSES = ["127.0.41.7", "127.0.41.8"] as const;

interface Place {
  readonly plane: TestControlPlane;
  readonly host: TestHost;
}
const places: Place[] = [];
const strangers: Server[] = [];

beforeEach(async () => {
  for (const address of ADDRESSES) {
    const plane = await TestControlPlane.start();
    const host = await TestHost.create(address, plane);
    places.push({ plane, host });
    await host.start();
  }
});
afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.close();
  for (const { plane, host } of places.splice(0)) {
    await host.dispose(plane.hostId);
    await plane.close();
  }
});

/** A port that nobody has on any address. */
async function findPort(): Promise<number> {
  const server = createServer().listen(0, "::");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function listen(port: number, address: string): Promise<void> {
  const stranger = createServer().listen(port, address);
  strangers.push(stranger);
  await once(stranger, "listening");
}

/** Starts a revision with this fixed port on a host and waits until it is healthy. */
async function release(at: number, port: number, env: Record<string, string> = {}) {
  const { plane } = places[at] as Place;
  const revision = await makeRevision(plane, { configuration: { port, env } });
  await bring(plane, revision);
  const start = await plane.run("start-instance", { letter: "a", revisionId: revision.revisionId });
  if (start.kind !== "succeeded") return { start, healthy: null, facts: null };
  const { health } = revision.configuration;
  const healthy = await plane.run("await-health", { letter: "a", health, minimumHealthyMs: 0 });
  return { start, healthy, facts: start.facts as unknown as StartFacts };
}

test("two hosts of one machine run the same fixed port, each on its own address", async () => {
  const port = await findPort();
  for (const at of [0, 1]) {
    const { start, healthy, facts } = await release(at, port);
    expect([start.kind, healthy?.kind]).toEqual(["succeeded", "succeeded"]);
    expect(facts).toMatchObject({ address: ADDRESSES[at], port });
    expect((await ask(facts as StartFacts)).pid).toBe(facts?.pid);
  }
});

test.each(["0.0.0.0", "::", ADDRESSES[1]])("a fixed port is refused when a stranger has it on %s", async (address) => {
  const port = await findPort();
  await listen(port, address);
  const { start } = await release(1, port);
  expect(start).toMatchObject({ kind: "failed", problem: { code: "PORT_TAKEN", facts: { port } } });
  expect(JSON.stringify(start)).toContain(`process ${process.pid} (`);
});

test("an application that wants its fixed port on every address is told who has it on another one", async () => {
  const port = await findPort();
  await listen(port, ADDRESSES[0]);
  const { healthy } = await release(1, port, { LISTEN: "0.0.0.0" });
  expect(healthy).toMatchObject({ kind: "failed", problem: { code: "PORT_TAKEN", facts: { port } } });
  expect(JSON.stringify(healthy)).toContain(`process ${process.pid} (`);
});

test("a port that the platform chooses is free on every address", async () => {
  const port = await findPort();
  expect(await isFree(port)).toBe(true);
  await listen(port, ADDRESSES[0]);
  expect(await isFree(port)).toBe(false);
});

test("agents that choose from one range choose different ports, though nothing listens on them yet", async () => {
  const choice = { address: ADDRESSES[0], range: { from: 19_200, to: 19_299 }, promised: new Set<number>() };
  const ports: number[] = [];
  for (let agent = 0; agent < 4; agent += 1) ports.push(await choosePort(choice, new Claims()));
  expect(new Set(ports).size).toBe(4);
});

test("a port that the agent's user may not have is told as such, not as taken", async () => {
  const look = `import("${import.meta.dirname}/ports.ts")
    .then(({ assertFree }) => assertFree("127.0.0.1", 82)).catch(({ code }) => console.log(code))`;
  // Root has the right to every port unless it is taken from it.
  const without = ["--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", process.execPath];
  const [command = "", ...rest] = process.getuid?.() === 0 ? ["setpriv", ...without] : [process.execPath];
  const { stdout } = await promisify(execFile)(command, [...rest, "-e", look]);
  expect(stdout.trim()).toBe("PORT_FORBIDDEN");
});
