import { HostId, newId, RouteId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { compileRules } from "@evenkeel/contracts/traffic/decide";
import { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { describe, expect, test } from "vitest";
import { renderRows, type TableRows, type UpstreamRow } from "./render.ts";

const workspaceId = newId(WorkspaceId, "wsp");
const serviceId = newId(ServiceId, "svc");

function upstream(name: string, over: Partial<UpstreamRow> = {}): UpstreamRow {
  return {
    serviceId,
    hostId: newId(HostId, "host"),
    instance: instanceKey(serviceId, newId(HostId, "host"), "a"),
    version: name,
    zone: "a",
    address: "127.0.0.1",
    port: 20_000,
    weight: 100,
    state: "attached",
    healthy: true,
    unhealthyAt: null,
    ...over,
  };
}
const certificates: TableRows["certificates"] = [];
const traffic = { rules: [], policies: [], cells: [], hosts: [], bases: [], entry: null };
const sick = (at: string): Partial<UpstreamRow> => ({ healthy: false, unhealthyAt: `2026-01-01T00:00:0${at}Z` });

function shown(upstreams: UpstreamRow[], over: Partial<TableRows> = {}): string[] {
  const services = [{ serviceId, name: "shop", allowGap: false }];
  const table = renderRows(workspaceId, {
    epoch: 1,
    version: 7,
    routes: [],
    services,
    upstreams,
    traffic,
    certificates,
    ...over,
  });
  return table.services[0]!.upstreams.map(({ version, draining }) => (draining ? `${version} draining` : version));
}

describe("the table that gateways go by", () => {
  const cases: [string, UpstreamRow[], string[]][] = [
    ["healthy instances take traffic", [upstream("one"), upstream("two")], ["one", "two"]],
    ["an unhealthy instance is left out", [upstream("one", sick("1")), upstream("two")], ["two"]],
    ["the last instance stays, sick as it is", [upstream("one", sick("1"))], ["one"]],
    [
      "of many sick ones the one that lasted longest stays",
      [upstream("one", sick("2")), upstream("two", sick("1"))],
      ["one"],
    ],
    [
      "a draining instance stays in, marked",
      [upstream("one"), upstream("two", { state: "draining" })],
      ["one", "two draining"],
    ],
    [
      "a draining instance is nobody's last resort",
      [upstream("one", sick("1")), upstream("two", { state: "draining" })],
      ["one", "two draining"],
    ],
    [
      "one on trial without weight is nobody's last resort",
      [upstream("one", sick("1")), upstream("two", { weight: 0 })],
      ["one", "two"],
    ],
  ];
  test.each(cases)("%s", (_name, upstreams, expected) => expect(shown(upstreams)).toEqual(expected));

  test("a service that consented to a gap lets requests wait, another answers at once", () => {
    const services = [true, false].map((allowGap) => ({ serviceId, name: "shop", allowGap }));
    const routes = [{ routeId: newId(RouteId, "rte"), host: "*", path: "/", serviceId }];
    const table = renderRows(workspaceId, {
      epoch: 2,
      version: 7,
      routes,
      services,
      upstreams: [],
      traffic,
      certificates,
    });
    expect(table.services.map(({ parkMs }) => parkMs > 0)).toEqual([true, false]);
    expect(table).toMatchObject({ workspaceId, epoch: 2, version: 7, routes });
  });
});

describe("paths that modules have published", () => {
  const members = ["one", "two", "three"].map((name) => upstream(name));
  const on = (paths: readonly (readonly string[])[]) => {
    const bases = paths.map((its, index) => ({ serviceId, hostId: members[index]!.hostId, cluster: null, paths: its }));
    const table = renderRows(workspaceId, {
      ...{ epoch: 1, version: 7, routes: [], services: [{ serviceId, name: "shop", allowGap: false }] },
      ...{ upstreams: members, traffic: { ...traffic, bases }, certificates },
    });
    return tryPath(table);
  };
  const tryPath =
    ({ services: [service] }: ReturnType<typeof renderRows>) =>
    (path: string) => {
      const { rules, home, subsets } = service!;
      const view = { method: "GET", path, source: "", lane: undefined };
      const nothing = () => undefined;
      const asked = { ...view, header: nothing, cookie: nothing, query: nothing, body: nothing };
      const { chain } = compileRules(rules, home)(asked, null, () => true);
      const found = subsets.find(({ name }) => name === chain[0])?.instances;
      return members.filter(({ instance }) => found?.includes(instance) ?? true).map(({ version }) => version);
    };

  test("one that all bases have, or none, needs no rule", () => {
    for (const path of ["/prices", "/elsewhere"])
      expect(on([["/prices"], ["/prices"], ["/prices"]])(path)).toEqual(["one", "two", "three"]);
    const bases = members.map(({ hostId }) => ({ serviceId, hostId, cluster: null, paths: ["/prices"] }));
    const services = [{ serviceId, name: "shop", allowGap: false }];
    const rows = { epoch: 1, version: 7, routes: [], services, upstreams: members, certificates };
    expect(renderRows(workspaceId, { ...rows, traffic: { ...traffic, bases } }).services[0]!.rules).toEqual([]);
  });

  test("one that some have is asked of those, everything else of all", () => {
    const ask = on([["/prices"], [], ["/prices", "/prices/special"]]);
    expect(ask("/prices/pen")).toEqual(["one", "three"]);
    expect(ask("/prices/special/ink")).toEqual(["three"]);
    expect(ask("/")).toEqual(["one", "two", "three"]);
    expect(on([["/"], [], []])("/anything")).toEqual(["one"]);
  });

  test("where none of those takes requests it is asked of all, and what people have ruled comes first", () => {
    const bases = [{ serviceId, hostId: members[0]!.hostId, cluster: null, paths: ["/prices"] }];
    const definition = SetTrafficRule.parse({
      ...{ name: "own", service: "shop", priority: 10 },
      ...{ match: [{ field: "path", prefix: "/prices" }], send: { to: [{ to: { version: "two" }, percent: 100 }] } },
    });
    const table = renderRows(workspaceId, {
      ...{ epoch: 1, version: 7, routes: [], services: [{ serviceId, name: "shop", allowGap: false }] },
      ...{ upstreams: members, traffic: { ...traffic, bases, rules: [{ serviceId, definition }] }, certificates },
    });
    expect(table.services[0]!.rules.map(({ name }) => name)).toEqual(["own", "module /prices"]);
    expect(table.services[0]!.rules[1]!.send!.ways[0]!.chain).toEqual(["module /prices", "all"]);
    expect(tryPath(table)("/prices/pen")).toEqual(["two"]);
  });
});
