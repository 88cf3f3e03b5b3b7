import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bindSocket, takeSocket } from "@evenkeel/kit/socket-handover";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bed, type Spec, until } from "./conformance/bed.ts";
import { ControlPlaneBed, GatewayProcess } from "./control-plane-bed.ts";

let home: string;
let planes: ControlPlaneBed[];
let gateways: GatewayProcess[];
/** Only for its applications and tables. */
let bed: Bed;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "gateway-"));
  planes = [];
  gateways = [];
  bed = new Bed("node");
});

afterEach(async () => {
  for (const gateway of gateways) await gateway.end();
  for (const plane of planes) await plane.close();
  await bed.close();
  rmSync(home, { recursive: true, force: true });
});

async function controlPlane(): Promise<ControlPlaneBed> {
  const plane = await new ControlPlaneBed().open();
  planes.push(plane);
  return plane;
}

function start(controlPlanes: string, more: Record<string, string> = {}, fd?: number): GatewayProcess {
  const gateway = new GatewayProcess(
    {
      EVENKEEL_GATEWAY_LISTEN: "127.0.0.1:0",
      EVENKEEL_CONTROL_PLANES: controlPlanes,
      EVENKEEL_GATEWAY_HOME: home,
      EVENKEEL_GATEWAY_DRIVER: "node",
      EVENKEEL_GATEWAY_NAME: "edge",
      EVENKEEL_JOIN_TOKEN: "token-1",
      ...more,
    },
    fd,
  );
  gateways.push(gateway);
  return gateway;
}

function get(port: number, path = "/"): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(`${response.statusCode} ${text}`));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}

const answering = (text: string): Promise<number> => bed.application((_, res) => res.end(text));

async function push(plane: ControlPlaneBed, specs: readonly Spec[]): Promise<number> {
  const table = bed.table(specs);
  plane.send({ kind: "table", table });
  await plane.heard("applied", ({ tableVersion }) => tableVersion === table.version);
  return table.version;
}

test("a gateway joins once with its token, keeps its credential to itself, and serves by the table it is given", async () => {
  const plane = await controlPlane();
  const gateway = start(plane.url);
  const port = await gateway.port();
  const hello = await plane.heard("hello");
  expect(hello).toMatchObject({ gatewayId: plane.gatewayId, driver: "node", epoch: 0, tableVersion: 0 });
  expect(plane.joins).toEqual([{ token: "token-1", name: "edge", url: `http://127.0.0.1:${port}` }]);
  expect(plane.authorizations).toEqual([`Bearer ${plane.credential}`]);
  expect(statSync(join(home, "credential.json")).mode & 0o777).toBe(0o600);
  expect(await get(port)).toMatch(/^404 /);

  const application = await answering("served");
  await push(plane, [{ port: application, version: "1.2.3" }]);
  expect(await get(port)).toBe("200 served");
  expect(await plane.heard("reached")).toMatchObject({ instance: bed.key(application), reached: true, problem: null });
  const { rows } = await plane.heard("statistics", ({ rows: [row] }) => row?.requests === 1);
  expect(rows[0]).toMatchObject({ instance: bed.key(application), version: "1.2.3", status2xx: 1 });
  expect(gateway.log).not.toContain(plane.credential);

  await gateway.end("SIGTERM");
  const second = start(plane.url);
  await second.port();
  await until(() => plane.authorizations.length === 2);
  expect(plane.joins).toHaveLength(1);
});

test("a token that is used up ends the gateway, which says so", async () => {
  const plane = await controlPlane();
  const gateway = start(plane.url, { EVENKEEL_JOIN_TOKEN: "other" });
  expect(await gateway.exited()).not.toBe(0);
  expect(gateway.log).toContain("JOIN_TOKEN_USED");
});

test("a table older than the one in force is refused, and the same one is acknowledged again", async () => {
  const plane = await controlPlane();
  const port = await start(plane.url).port();
  await plane.heard("hello");
  const [old, next] = [await answering("old"), await answering("new")];
  const older = bed.table([{ port: old }]);
  const version = await push(plane, [{ port: next }]);
  plane.send({ kind: "table", table: older });
  const refusal = await plane.heard("refused");
  expect(refusal).toMatchObject({ tableVersion: older.version, problem: { code: "TABLE_STALE" } });
  plane.send({ kind: "table", table: { ...older, epoch: 0, version: version + 5 } });
  await until(() => plane.said("refused").length === 2);
  expect(await get(port)).toBe("200 new");
  plane.send({ kind: "table", table: { ...older, version } });
  await until(() => plane.said("applied").length === 2);
  expect(await get(port)).toBe("200 new");
  plane.send({ kind: "table", table: { ...older, epoch: 2 } });
  await plane.heard("applied", ({ epoch }) => epoch === 2);
  expect(await get(port)).toBe("200 old");
});

test("a table that was acknowledged is in force after kill -9, with the control plane away", async () => {
  const plane = await controlPlane();
  const gateway = start(plane.url);
  await gateway.port();
  await plane.heard("hello");
  const application = await answering("by the last table");
  for (let round = 0; round < 20; round += 1) await push(plane, [{ port: application, weight: round + 1 }]);
  const version = await push(plane, [{ port: application }]);
  await gateway.end("SIGKILL");
  await plane.close();
  const again = start(plane.url);
  expect(await get(await again.port())).toBe("200 by the last table");
  expect(JSON.parse(readFileSync(join(home, "table.json"), "utf8")).version).toBe(version);
});

test("a damaged table is named, and the gateway does not start on half of it", async () => {
  writeFileSync(join(home, "table.json"), '{"workspaceId":');
  const gateway = start("");
  expect(await gateway.exited()).not.toBe(0);
  expect(gateway.log).toContain("table.json is damaged");
});

test("a control plane that is silent or gone is left for the next one, and requests are served meanwhile", async () => {
  const [first, second] = [await controlPlane(), await controlPlane()];
  first.speaks = false;
  const gateway = start(`${first.url},${second.url}`);
  const port = await gateway.port();
  await first.heard("hello");
  const application = await answering("served");
  const version = await push(first, [{ port: application }]);
  expect(await second.heard("hello")).toMatchObject({ tableVersion: version });
  // The next control plane learns what the first one was told.
  expect(await second.heard("reached")).toMatchObject({ instance: bed.key(application), reached: true });
  expect(await get(port)).toBe("200 served");
  await second.close();
  first.speaks = true;
  await until(() => first.said("hello").length === 2);
  expect(await get(port)).toBe("200 served");
});

test("the number in flight on a draining instance is told at once when it comes to 0", async () => {
  const plane = await controlPlane();
  const port = await start(plane.url).port();
  await plane.heard("hello");
  let release: () => void = () => undefined;
  const old = await bed.application((_, res) => {
    release = () => res.end("whole");
  });
  await push(plane, [{ port: old }]);
  const held = get(port);
  await plane.heard("statistics", ({ rows: [row] }) => row?.inFlight === 1);
  const version = await push(plane, [{ port: old, draining: true }]);
  const busy = await plane.heard("draining");
  expect(busy).toEqual({
    kind: "draining",
    tableVersion: version,
    rows: [{ instance: bed.key(old), inFlight: 1, longLived: 0 }],
  });
  // Told again each second while it is above 0.
  await until(() => plane.said("draining").length >= 2);
  expect(plane.said("draining").every(({ rows }) => rows[0]?.inFlight === 1)).toBe(true);
  release();
  expect(await held).toBe("200 whole");
  const idle = await plane.heard("draining", ({ rows }) => rows[0]?.inFlight === 0);
  expect(idle.rows).toEqual([{ instance: bed.key(old), inFlight: 0, longLived: 0 }]);
  expect(plane.order.slice(0, 3)).toEqual(["hello", "applied", "reached"]);
});

test("an order to cut ends what is left on a draining instance", async () => {
  const plane = await controlPlane();
  const port = await start(plane.url).port();
  await plane.heard("hello");
  const old = await bed.application((_, res) => res.write("begun"));
  await push(plane, [{ port: old }]);
  const held = get(port).catch((error: NodeJS.ErrnoException) => error.code);
  await plane.heard("statistics", ({ rows: [row] }) => row?.inFlight === 1);
  await push(plane, [{ port: old, draining: true }]);
  plane.send({ kind: "cut", instance: bed.key(old) });
  expect(await held).toBe("ECONNRESET");
  await plane.heard("draining", ({ rows }) => rows[0]?.inFlight === 0);
});

test("connections made while a killed gateway is away wait in the socket that outlives it, and are answered", async () => {
  const plane = await controlPlane();
  const held = await bindSocket({ host: "127.0.0.1", port: 0 });
  const first = start(plane.url, {}, held.fd);
  expect(await first.port()).toBe(held.port);
  await plane.heard("hello");
  await push(plane, [{ port: await answering("served") }]);
  expect(await get(held.port)).toBe("200 served");
  await first.end("SIGKILL");
  const waiting = Array.from({ length: 50 }, (_, index) => get(held.port, `/${index}`));
  await sleep(100);
  start(plane.url, {}, held.fd);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["200 served"]));
  held.close();
});

test("the listening socket is handed over to whoever asks at the agreed path", async () => {
  const path = join(home, "door");
  const gateway = start("", { EVENKEEL_GATEWAY_HANDOVER: path });
  const port = await gateway.port();
  // The door is seen a moment before somebody stands at it; whoever finds nobody asks again.
  let taken: Awaited<ReturnType<typeof takeSocket>> = null;
  while (taken === null) taken = await takeSocket(path);
  expect(taken.port).toBe(port);
  await gateway.end("SIGKILL");
  const waiting = get(port);
  start("", {}, taken.fd);
  expect(await waiting).toMatch(/^404 /);
  taken.close();
});

test("asked to end, it finishes what is in hand and takes nothing new", async () => {
  const plane = await controlPlane();
  const gateway = start(plane.url);
  const port = await gateway.port();
  await plane.heard("hello");
  let release: () => void = () => undefined;
  const application = await bed.application((_, res) => {
    release = () => res.end("whole");
  });
  await push(plane, [{ port: application }]);
  const held = get(port);
  await plane.heard("statistics", ({ rows: [row] }) => row?.inFlight === 1);
  const ended = gateway.end("SIGTERM");
  await until(() => gateway.log.includes('"msg":"closing"'));
  // A connection that the closing socket had not accepted yet is reset, a later one refused.
  await expect(get(port)).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
  release();
  expect(await held).toBe("200 whole");
  expect(await ended).toBe(0);
});
