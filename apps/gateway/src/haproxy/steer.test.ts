import { HostId, newId, ServiceId } from "@evenkeel/contracts/id";
import { instanceKey, RouteTable, type Upstream } from "@evenkeel/contracts/route-table";
import { expect, test } from "vitest";
import { backendName, instanceOf, type Pool, poolsOf, readBackendName, serverName } from "./pool.ts";
import { type RunningServer, readServers, steer as steering } from "./steer.ts";

const serviceId = newId(ServiceId, "svc");
const instances = [0, 1, 2].map(() => instanceKey(serviceId, newId(HostId, "host"), "a"));

function upstream(index: number, more: Partial<Upstream> = {}): Upstream {
  const instance = instances[index] ?? instances[0];
  if (instance === undefined) throw new Error("no such instance");
  const common = { version: "1", zone: "a", address: "10.0.0.1", port: 8000 + index, weight: 100, draining: false };
  return { instance, ...common, ...more };
}

function pools(upstreams: readonly Upstream[]): Pool[] {
  const service = { serviceId, name: "shop", parkMs: 0, upstreams };
  const table = { workspaceId: "wsp_00000000000000000000", epoch: 1, version: 1, routes: [], services: [service] };
  return poolsOf(RouteTable.parse(table));
}

function steer(running: readonly RunningServer[], wanted: readonly Pool[]): string[] {
  const { gaining, giving } = steering(running, wanted);
  return [...gaining, ...giving];
}

/** What runs when these have been steered: the words that `steer` says are carried out. */
function after(running: readonly RunningServer[], commands: readonly string[]): RunningServer[] {
  const servers = new Map(running.map((server) => [`${server.backend}/${server.name}`, { ...server }]));
  for (const command of commands) {
    const [verb, , path = "", what, value] = command.split(" ");
    const [backend = "", name = ""] = path.split("/");
    if (verb === "add") servers.set(path, { backend, name, weight: Number(command.split(" ")[5]), ready: false });
    const server = servers.get(path);
    if (server === undefined || verb === "add") continue;
    servers.set(
      path,
      what === "weight" ? { ...server, weight: Number(value) } : { ...server, ready: value === "ready" },
    );
  }
  return [...servers.values()];
}

const kept = (commands: readonly string[]): string[] =>
  commands
    .filter((command) => command.includes(".kept/"))
    .map((command) => command.replace(/svc_\S+\.kept\/host_\w+-a-\w+/, "S"));

const CASES: [string, Upstream[], Upstream[], string[]][] = [
  [
    "an instance that comes in",
    [],
    [upstream(0)],
    ["add server S 10.0.0.1:8000 weight 100", "set server S state ready"],
  ],
  ["one that comes in draining", [], [upstream(0, { draining: true })], ["add server S 10.0.0.1:8000 weight 100"]],
  [
    "an address of IPv6",
    [],
    [upstream(0, { address: "fd00::1", draining: true })],
    ["add server S [fd00::1]:8000 weight 100"],
  ],
  ["another weight", [upstream(0)], [upstream(0, { weight: 7 })], ["set server S weight 7"]],
  [
    "weights that change places: the one that takes over rises first",
    [upstream(0, { weight: 1 }), upstream(1, { weight: 0 })],
    [upstream(0, { weight: 0 }), upstream(1, { weight: 1 })],
    ["set server S weight 1", "set server S weight 0"],
  ],
  ["a drain", [upstream(0)], [upstream(0, { draining: true })], ["set server S state maint"]],
  ["the end of a drain", [upstream(0, { draining: true })], [upstream(0)], ["set server S state ready"]],
  ["one that leaves", [upstream(0)], [], ["set server S state maint"]],
  ["nothing new", [upstream(0)], [upstream(0, { zone: "b" })], []],
  [
    "another version in its place: the new one takes over before the old one gives",
    [upstream(0)],
    [upstream(0, { version: "2" })],
    ["add server S 10.0.0.1:8000 weight 100", "set server S state ready", "set server S state maint"],
  ],
];
test.each(CASES)("%s", (...[, before, now, words]) => {
  const running = after([], steer([], pools(before)));
  const commands = steer(running, pools(now));
  expect(kept(commands)).toEqual(words);
  const left = after(running, commands);
  expect(steer(left, pools(now))).toEqual([]);
});

test("weights above the highest that HAProxy knows are scaled down together, and none becomes 0", () => {
  const [pool] = pools([upstream(0, { weight: 1000 }), upstream(1, { weight: 500 }), upstream(2, { weight: 1 })]);
  expect(pool?.servers.map(({ weight }) => weight)).toEqual([256, 128, 1]);
});

test("names can be read back, and tell a version and an address from another", () => {
  const backend = backendName({ serviceId, subset: "gray lane.1" }, "once");
  expect(backend).toMatch(/^[A-Za-z0-9_.:-]+$/);
  expect(readBackendName(backend)).toEqual({ serviceId, mode: "once" });
  const names = [upstream(0), upstream(0, { version: "2" }), upstream(0, { port: 1 })].map(serverName);
  expect(new Set(names).size).toBe(3);
  expect(instanceOf(serviceId, names[0] ?? "")).toBe(instances[0]);
});

test("what HAProxy tells of its servers is read", () => {
  const line = `3 ${serviceId}.all.kept 1 one 127.0.0.1 2 0 100 100 0 1 0 0 0 0 0 0 - 46467 - 0 0 - - 0`;
  expect(
    readServers(`1\n# be_id be_name srv_id\n${line}\n${line.replace("one 127.0.0.1 2 0", "two 127.0.0.1 0 1")}\n\n`),
  ).toEqual([
    { backend: `${serviceId}.all.kept`, name: "one", weight: 100, ready: true },
    { backend: `${serviceId}.all.kept`, name: "two", weight: 100, ready: false },
  ]);
});
