import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Change } from "@evenkeel/contracts/change";
import { hostInState, signalAgents } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { type Flaws, Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

// Guards that ask agents, and guards that ask somebody outside.

let platform: Platform;
let shop: Shop;
let load: ReturnType<Shop["load"]> | null = null;
let made = 0;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
});
afterEach(async () => {
  await load?.stop();
  load = null;
});
afterAll(() => platform.remove());

async function start(guards: readonly object[], flaws: Flaws = {}): Promise<Change> {
  made += 1;
  return await shop.start({ version: `2.0.${made}`, flaws, strategy: { beta: 1, batches: "all", guards } });
}
const release = async (guards: readonly object[], flaws?: Flaws) => await settled(platform, await start(guards, flaws));
const verdicts = ({ groups }: Change) => groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.guards));
const versions = async () => (await shop.instances()).map(({ packageVersion }) => packageVersion);
const ONES = ["1.0.0", "1.0.0", "1.0.0", "1.0.0"];

test("a version that dies under its requests is rolled back, though its agent brings it back each time", async () => {
  load = shop.load();
  const change = await release([{ kind: "restarts", action: "rollback", windowSeconds: 20 }], { diesAfter: 100 });
  expect(change).toMatchObject({ state: "rolled-back", problem: { code: "GUARD_WORSE" } });
  expect(verdicts(change)).toMatchObject([{ name: "restarts", text: expect.stringContaining("local-1 restarted") }]);
  expect(await versions()).toEqual(ONES);
});

test("a version that falls sick after its release is rolled back: its agent judges for as long as it lives", async () => {
  load = shop.load();
  const change = await release([{ kind: "health", action: "rollback", windowSeconds: 20 }], { sickAfter: 150 });
  expect(change).toMatchObject({ state: "rolled-back", problem: { code: "GUARD_WORSE" } });
  expect(verdicts(change)).toMatchObject([{ name: "health", text: "local-1 is unhealthy" }]);
  expect(await versions()).toEqual(ONES);
});

test("a version that takes far more memory is found out, one that takes as much is not", async () => {
  const memory = { kind: "memory", action: "rollback", windowSeconds: 24 };
  const leak = await release([memory], { leakMb: 200 });
  expect(leak).toMatchObject({ state: "rolled-back", problem: { code: "GUARD_WORSE" } });
  expect(verdicts(leak)).toMatchObject([
    { name: "memory", text: expect.stringMatching(/^2\.0\.\d: 2\d\d MB, 1\.0\.0: \d\d MB$/) },
  ]);
  expect(await versions()).toEqual(ONES);
  const equal = await start([memory]);
  const beta = await until(platform, equal, ({ groups }) => groups[0]?.batches[0]?.state === "succeeded");
  expect(verdicts(beta)).toMatchObject([{ outcome: "pass", text: expect.stringMatching(/MB, 1\.0\.0: \d\d MB/) }]);
  await platform.client.rollbackChange({
    params: { changeId: equal.id },
    body: { speed: "fast", reason: "it was only a test" },
  });
  expect((await settled(platform, equal)).state).toBe("rolled-back");
});

test("a host that nobody hears of is no data, and pauses", async () => {
  const guards = ["restarts", "health", "memory"].map((kind) => ({ kind, windowSeconds: 15 }));
  const change = await start(guards);
  await until(platform, change, ({ targets }) => targets.succeeded === 1);
  await signalAgents(platform, ["local-1"], "SIGSTOP");
  try {
    const paused = await settled(platform, change);
    expect(paused).toMatchObject({ state: "paused", problem: { code: "GUARD_NO_DATA" } });
    const blind = { outcome: "no-data", text: "nothing is known of local-1" };
    expect(verdicts(paused)).toMatchObject([blind, blind, blind]);
  } finally {
    await signalAgents(platform, ["local-1"], "SIGCONT");
  }
  // A way back that is planned before it is back would leave it out.
  await hostInState(platform, "local-1", "online");
  await platform.client.rollbackChange({
    params: { changeId: change.id },
    body: { speed: "fast", reason: "it was only a test" },
  });
  expect((await settled(platform, change)).state).toBe("rolled-back");
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly key: string | undefined;
  readonly about: { readonly batch?: string; readonly batchId?: string; readonly when?: string };
}

/** Somebody outside, with a word of his own about each question. */
async function outside(answer: (asked: Asked, response: ServerResponse) => void) {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url: path = "" } = request;
    const about = body === "" ? {} : (JSON.parse(body) as Asked["about"]);
    const one = { method, path, key: request.headers["idempotency-key"]?.toString(), about };
    asked.push(one);
    answer(one, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, close: () => server.close() };
}

const say = (response: ServerResponse, status: number, body?: object) =>
  response.writeHead(status).end(body === undefined ? undefined : JSON.stringify(body));

test("somebody outside is asked before the first batch and after each, and may take his time", async () => {
  let polls = 0;
  const other = await outside(({ method, about }, response) => {
    if (about.when === "before") return say(response, 200);
    if (method === "POST") return response.writeHead(202, { location: `/jobs/${about.batchId?.split("/")[1]}` }).end();
    polls += 1;
    return say(
      response,
      200,
      polls % 3 === 0 ? { status: "passed", reason: "orders are fine" } : { status: "pending" },
    );
  });
  const guards = [
    { kind: "http", url: `${other.url}/may-we`, when: "before", at: "first" },
    { kind: "http", url: `${other.url}/how-is-it`, everySeconds: 0.2 },
  ];
  const change = await release(guards);
  other.close();
  expect(change.state).toBe("succeeded");
  const order = other.asked
    .filter(({ method }) => method === "POST")
    .map(({ path, about }) => `${path} ${about.batch}`);
  const [beta, rest] = change.groups[0]?.batches ?? [];
  expect(order).toEqual(["/may-we beta", `/how-is-it ${beta?.name}`, `/how-is-it ${rest?.name}`]);
  expect(new Set(other.asked.map(({ path }) => path))).toEqual(
    new Set(["/may-we", "/how-is-it", "/jobs/1", "/jobs/2"]),
  );
  expect(verdicts(change)).toMatchObject([
    { when: "before", outcome: "pass", text: "it answered 200" },
    { when: "after", outcome: "pass", text: "orders are fine" },
    { when: "after", outcome: "pass", text: "orders are fine" },
  ]);
});

test("a no from outside before a batch keeps it from beginning", async () => {
  const other = await outside((_asked, response) => say(response, 200, { status: "failed", reason: "orders fell" }));
  const change = await release([{ kind: "http", url: other.url, when: "before", at: { nth: 2 } }]);
  other.close();
  expect(change).toMatchObject({ state: "paused", problem: { code: "GUARD_WORSE" } });
  expect(change.problem?.title).toContain("orders fell");
  expect([change.targets.succeeded, change.targets.pending]).toEqual([1, 3]);
  await platform.client.resumeChange({ params: { changeId: change.id }, body: {} });
  expect((await settled(platform, change)).state).toBe("succeeded");
});

test("no answer in time is no data; a question survives the kill of who asked it, under the same key", async () => {
  let answering = false;
  const other = await outside((_asked, response) => {
    if (answering) say(response, 200, { status: "passed" });
    else say(response, 500);
  });
  const silent = { kind: "http", url: other.url, at: "first", timeoutSeconds: 3, everySeconds: 0.3 };
  const paused = await release([silent]);
  expect(paused).toMatchObject({ state: "paused", problem: { code: "GUARD_NO_DATA" } });
  expect(verdicts(paused)).toMatchObject([{ outcome: "no-data", text: "no answer in time: it answered 500" }]);
  expect(other.asked.length).toBeGreaterThan(3);
  await platform.client.resumeChange({ params: { changeId: paused.id }, body: {} });
  expect((await settled(platform, paused)).state).toBe("succeeded");
  other.asked.length = 0;
  const change = await start([{ ...silent, timeoutSeconds: 120 }]);
  await until(platform, change, () => other.asked.length >= 2);
  const controlPlane = (await platform.parts())["control-plane-1"];
  if (controlPlane === undefined) throw new Error("there is no control plane");
  process.kill(controlPlane.pid, "SIGKILL");
  const sofar = other.asked.length;
  while (other.asked.length <= sofar) await new Promise((resolve) => setTimeout(resolve, 50));
  answering = true;
  expect((await settled(platform, change)).state).toBe("succeeded");
  other.close();
  expect(new Set(other.asked.map(({ key }) => key)).size).toBe(1);
});
