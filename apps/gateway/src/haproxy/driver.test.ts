import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, RouteId, ServiceId } from "@evenkeel/contracts/id";
import { RouteTable, type TableRule } from "@evenkeel/contracts/route-table";
import { TrafficPolicy } from "@evenkeel/contracts/traffic-rule";
import { writeDurableJson } from "@evenkeel/kit/durable-file";
import { readIdentity } from "@evenkeel/kit/process-identity";
import { bindSocket, type HeldSocket } from "@evenkeel/kit/socket-handover";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bed, type Spec, serviceId, until } from "../conformance/bed.ts";
import { ControlPlaneBed, GatewayProcess } from "../control-plane-bed.ts";
import { endProgram } from "./program.ts";

let home: string;
let held: HeldSocket;
let plane: ControlPlaneBed;
let gateways: GatewayProcess[];
/** Only for its applications, tables and clients. */
let bed: Bed;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "gateway-"));
  held = await bindSocket({ host: "127.0.0.1", port: 0 });
  plane = await new ControlPlaneBed().open();
  gateways = [];
  bed = new Bed("haproxy");
  bed.port = held.port;
});

afterEach(async () => {
  for (const gateway of gateways) await gateway.end();
  endProgram(join(home, "haproxy"), "SIGKILL");
  await plane.close();
  held.close();
  await bed.close();
  rmSync(home, { recursive: true, force: true });
});

async function start(more: Record<string, string> = {}): Promise<GatewayProcess> {
  const before = plane.said("hello").length;
  const gateway = new GatewayProcess(
    {
      EVENKEEL_CONTROL_PLANES: plane.url,
      EVENKEEL_GATEWAY_HOME: home,
      EVENKEEL_GATEWAY_DRIVER: "haproxy",
      EVENKEEL_JOIN_TOKEN: "token-1",
      ...more,
    },
    held.fd,
  );
  gateways.push(gateway);
  await gateway.port();
  await until(() => plane.said("hello").length > before);
  return gateway;
}

async function push(specs: readonly Spec[]): Promise<number> {
  const table = bed.table(specs);
  plane.send({ kind: "table", table });
  await plane.heard("applied", ({ tableVersion }) => tableVersion === table.version);
  return table.version;
}

async function pushTable(table: RouteTable): Promise<void> {
  plane.send({ kind: "table", table });
  await plane.heard("applied", ({ tableVersion }) => tableVersion === table.version);
}

/** Two services, `one` and `other`; routes as host, path and service. */
async function twoServices(): Promise<
  (routes: [string, string, "one" | "other"][], rules?: readonly TableRule[]) => RouteTable
> {
  const ports = [await answering("one"), await answering("other")];
  const ids = [serviceId, newId(ServiceId, "svc")];
  return (routes, rules = []) => {
    const table = bed.table(ports.map((port) => ({ port })));
    const [first] = table.services;
    return RouteTable.parse({
      ...table,
      routes: routes.map(([host, path, name]) => ({
        ...{ routeId: newId(RouteId, "rte"), host, path },
        serviceId: ids[name === "one" ? 0 : 1],
      })),
      services: ids.map((id, index) => ({
        ...first,
        ...{ serviceId: id, name: `service ${index}`, rules: index === 0 ? rules : [] },
        upstreams: [first?.upstreams[index]].map((upstream) => ({
          ...upstream,
          instance: upstream?.instance.replace(serviceId, id),
        })),
      })),
    });
  };
}

const answering = (text: string): Promise<number> => bed.application((_, res) => res.end(text));
const ask = async (): Promise<string> => (await bed.ask()).body;
const masterPid = (): number => JSON.parse(readFileSync(join(home, "haproxy/process.json"), "utf8")).identity.pid;
const workerPid = (): number =>
  Number(/^(\d+)/.exec(readFileSync(`/proc/${masterPid()}/task/${masterPid()}/children`, "utf8"))?.[1]);
const reloads = (gateway: GatewayProcess): number => gateway.log.match(/haproxy reloaded/g)?.length ?? 0;

test("it says which driver runs, and what its statistics sample", async () => {
  await start();
  expect(await plane.heard("hello")).toMatchObject({ driver: "haproxy" });
  const port = await answering("served");
  await push([{ port, version: "1.2.3" }]);
  expect(await ask()).toBe("served");
  const statistics = await plane.heard("statistics", ({ rows: [row] }) => row?.requests === 1);
  expect(statistics.sampled).toEqual(["latency"]);
  expect(statistics.rows[0]).toMatchObject({ instance: bed.key(port), version: "1.2.3", status2xx: 1 });
});

test("weights, drains, added and removed instances take no reload", async () => {
  const gateway = await start();
  const [one, other] = [await answering("one"), await answering("other")];
  await push([{ port: one }]);
  const before = reloads(gateway);
  await push([{ port: one, weight: 0 }, { port: other }]);
  expect(await ask()).toBe("other");
  await push([{ port: one }, { port: other, draining: true }]);
  expect(await ask()).toBe("one");
  await push([{ port: other }]);
  expect(await ask()).toBe("other");
  await push([{ port: one, version: "2.0.0" }]);
  expect(await ask()).toBe("one");
  expect(reloads(gateway)).toBe(before);
});

test("routes change without a reload, and are those of the table after a kill", async () => {
  const gateway = await start();
  const table = await twoServices();
  const said = async (host: string, path: string) => (await bed.ask({ headers: { host }, path })).body;
  await pushTable(table([["shop.example", "/", "one"]]));
  const [before, worker] = [reloads(gateway), workerPid()];
  for (let round = 0; round < 20; round += 1) {
    const added: [string, string, "other"][] = Array.from({ length: 100 }, (_, index) => [
      ...([`h${round}-${index}.example`, `/of-some-length/${index}`] as const),
      "other",
    ]);
    await pushTable(table([["shop.example", "/", "one"], ["shop.example", `/p${round}`, "other"], ...added]));
    expect(await said("shop.example", `/p${round}/x`)).toBe("other");
    expect(await said("shop.example", `/p${round - 1}/x`)).toBe("one");
    expect(await said(`h${round}-99.example`, "/of-some-length/99")).toBe("other");
    expect(await said(`h${round - 1}-99.example`, "/of-some-length/99")).toContain("ROUTE_NONE");
  }
  expect([reloads(gateway), workerPid()]).toEqual([before, worker]);
  for (const victim of [masterPid(), worker]) process.kill(victim, "SIGKILL");
  expect(await said("shop.example", "/p19/x")).toBe("other");
  expect(workerPid()).not.toBe(worker);
});

test("values that rules look for change without a reload, whatever stands in them", async () => {
  const gateway = await start();
  const table = await twoServices();
  const only = (...values: string[]): TableRule => ({
    ...{ name: "only", send: null, mirror: null, rateLimit: null, concurrency: null },
    fault: { abort: { status: 418, percent: 100 } },
    conditions: [{ field: "header", name: "x-user", not: false, test: { kind: "in", values } }],
  });
  const put = (...values: string[]) => pushTable(table([["*", "/", "one"]], [only(...values)]));
  const status = async (user: string) => (await bed.ask({ headers: { "x-user": user } })).status;
  await put("ann");
  const [before, worker] = [reloads(gateway), workerPid()];
  for (const value of ["ben", "a;b", 'a"b', "a\\b", "a<<b", "'", "$x", "\\n"]) {
    await put(value);
    expect([value, await status(value), await status("ann")]).toEqual([value, 418, 200]);
  }
  const many = Array.from({ length: 5000 }, (_, index) => `user-${index}`);
  await put(...many);
  expect([await status("user-0"), await status("user-4999"), await status("user-5000")]).toEqual([418, 418, 200]);
  expect([reloads(gateway), workerPid()]).toEqual([before, worker]);
});

test("routes that changed while nobody steered are in force after the adoption, without a reload", async () => {
  const first = await start();
  const table = await twoServices();
  await pushTable(
    table([
      ["shop.example", "/", "one"],
      ["shop.example", "/x", "one"],
    ]),
  );
  const worker = workerPid();
  await first.end("SIGKILL");
  await writeDurableJson(
    join(home, "table.json"),
    table([
      ["shop.example", "/", "one"],
      ["shop.example", "/x", "other"],
    ]),
  );
  await start();
  expect((await bed.ask({ headers: { host: "shop.example" }, path: "/x" })).body).toBe("other");
  expect(workerPid()).toBe(worker);
});

test("when the gateway is killed HAProxy serves on, and the next one adopts it", async () => {
  const first = await start();
  const port = await answering("served");
  await push([{ port }]);
  const pid = masterPid();
  await first.end("SIGKILL");
  expect(await ask()).toBe("served");
  await start();
  expect(masterPid()).toBe(pid);
  const next = await answering("next");
  await push([{ port: next }]);
  expect(await ask()).toBe("next");
});

test("when the gateway is killed requests that it decides on wait for the next one, whatever they bring", async () => {
  const first = await start();
  const port = await bed.application((req, res) => req.pipe(res));
  const table = bed.table([{ port }]);
  const services = table.services.map((service) => ({ ...service, policy: TrafficPolicy.parse({ zoneFirst: true }) }));
  await pushTable({ ...table, services });
  expect((await bed.ask({ method: "POST", body: "before" })).body).toBe("before");
  await first.end("SIGKILL");
  const asked = [
    bed.ask({ method: "POST", body: "a body" }),
    bed.ask({ method: "PUT", headers: { "transfer-encoding": "chunked" }, body: "chunks" }),
    bed.ask(),
  ];
  // Nobody listens when they come: the next gateway takes longer to begin than they to arrive.
  await start();
  const answers = await Promise.all(asked);
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [200, "a body"],
    [200, "chunks"],
    [200, ""],
  ]);
});

test("a table that came to disk while HAProxy ran by an older one is in force after the adoption", async () => {
  const first = await start();
  await push([{ port: await answering("old") }]);
  await first.end("SIGKILL");
  const next = await answering("new");
  const version = await pushToNobody(next);
  const second = await start();
  expect(second.log).toContain(`"version":${version}`);
  expect(await ask()).toBe("new");
});

/** As a gateway that was killed between writing a table and putting it in force. */
async function pushToNobody(port: number): Promise<number> {
  const table = bed.table([{ port }]);
  await writeDurableJson(join(home, "table.json"), table);
  return table.version;
}

test("HAProxy that is killed is back from the table, with what was steered; connections wait meanwhile", async () => {
  await start();
  const [one, other] = [await answering("one"), await answering("other")];
  await push([{ port: one }, { port: other }]);
  await push([{ port: one, draining: true }, { port: other }]);
  const pid = masterPid();
  for (const victim of [pid, workerPid()]) process.kill(victim, "SIGKILL");
  const answers = await Promise.all(Array.from({ length: 20 }, ask));
  expect(new Set(answers)).toEqual(new Set(["other"]));
  expect(masterPid()).not.toBe(pid);
});

test("a request in flight goes on through a reload, and is counted until it ends", async () => {
  await start();
  let release: () => void = () => undefined;
  const old = await bed.application((_, res) => {
    release = () => res.end("whole");
  });
  await push([{ port: old }]);
  const asked = ask();
  await plane.heard("statistics", ({ rows: [row] }) => row?.inFlight === 1);
  // A service more is another structure.
  const table = bed.table([{ port: old, draining: true }], 1000);
  plane.send({ kind: "table", table });
  await plane.heard("applied", ({ tableVersion }) => tableVersion === table.version);
  const busy = await plane.heard("draining", ({ tableVersion }) => tableVersion === table.version);
  expect(busy.rows).toEqual([{ instance: bed.key(old), inFlight: 1, longLived: 0 }]);
  release();
  expect(await asked).toBe("whole");
  await plane.heard("draining", ({ rows }) => rows[0]?.inFlight === 0);
});

test("asked to end, the gateway ends HAProxy too, after what it had in hand", async () => {
  const gateway = await start();
  let release: () => void = () => undefined;
  const port = await bed.application((_, res) => {
    release = () => res.end("whole");
  });
  await push([{ port }]);
  const asked = ask();
  await plane.heard("statistics", ({ rows: [row] }) => row?.inFlight === 1);
  const ended = gateway.end("SIGTERM");
  await until(() => gateway.log.includes('"msg":"closing"'));
  release();
  expect(await asked).toBe("whole");
  expect(await ended).toBe(0);
  expect(readIdentity(masterPid())).toBeNull();
});

test("the driver node, chosen after it, ends the HAProxy that was left", async () => {
  const first = await start();
  await push([{ port: await answering("served") }]);
  await first.end("SIGKILL");
  await start({ EVENKEEL_GATEWAY_DRIVER: "node" });
  await until(() => readIdentity(masterPid()) === null);
  expect(await ask()).toBe("served");
});

test("a driver that is not installed is named", async () => {
  const gateway = new GatewayProcess({
    EVENKEEL_GATEWAY_HOME: home,
    EVENKEEL_GATEWAY_DRIVER: "haproxy",
    EVENKEEL_HAPROXY: "/nowhere/haproxy",
  });
  gateways.push(gateway);
  expect(await gateway.exited()).not.toBe(0);
  expect(gateway.log).toContain("no HAProxy 2.6 or newer is installed");
});
