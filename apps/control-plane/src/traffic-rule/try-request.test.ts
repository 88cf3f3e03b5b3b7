import { HostId, newId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import { instanceKey, RouteTable } from "@evenkeel/contracts/route-table";
import { ImaginedRequest, RuleMatch } from "@evenkeel/contracts/traffic-rule";
import { expect, test } from "vitest";
import { tryRequest } from "./try-request.ts";

test("a request on a path that only some bases have published is told where it goes, though no person's rule says so", () => {
  const serviceId = newId(ServiceId, "svc");
  const hosts = ["local-1", "local-2"].map((name) => ({ id: newId(HostId, "host"), name, cell: null }));
  const keys = hosts.map(({ id }) => instanceKey(serviceId, id, "a"));
  const way = { basisPoints: 10_000, lane: null, chain: ["module /prices", "all"], cells: [] };
  const path = { field: "path", name: "", not: false, test: { kind: "prefix", prefix: "/prices" } };
  const nothing = { mirror: null, fault: null, rateLimit: null, concurrency: null };
  const send = { salt: "module /prices", key: [], ways: [way], next: false };
  const upstreams = keys.map((instance, index) => ({
    ...{
      instance,
      version: "1.0.0",
      zone: "a",
      address: "127.0.0.1",
      port: 20_000 + index,
      weight: 100,
      draining: false,
    },
  }));
  const table = RouteTable.parse({
    ...{ workspaceId: newId(WorkspaceId, "wsp"), epoch: 1, version: 1, routes: [] },
    services: [
      {
        ...{ serviceId, name: "shop", parkMs: 0, upstreams },
        subsets: [{ name: "module /prices", instances: [keys[1]] }],
        rules: [{ name: "module /prices", conditions: [path], send, ...nothing }],
      },
    ],
  });
  const ask = (request: object): RuleMatch =>
    RuleMatch.parse(tryRequest(table, { service: table.services[0]!, request: ImaginedRequest.parse(request), hosts }));
  expect(ask({ path: "/prices/pen" })).toMatchObject({ sentBy: "module /prices", instances: [{ host: "local-2" }] });
  expect(ask({ path: "/other" })).toMatchObject({
    sentBy: null,
    instances: [{ host: "local-1" }, { host: "local-2" }],
  });
});
