import { Agent, request } from "node:http";
import { newId, RouteId, ServiceId } from "@evenkeel/contracts/id";
import { RouteTable } from "@evenkeel/contracts/route-table";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { compileRoutes } from "../route-table.ts";
import { Bed, DRIVERS } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

const ROUTES = [
  { host: "shop.example.org", path: "/" },
  { host: "shop.example.org", path: "/api" },
  { host: "shop.example.org", path: "/api/v2/" },
  { host: "only-api.example.org", path: "/api" },
  { host: "only-api.example.org", path: "/status/deep" },
  { host: "*.example.org", path: "/" },
  { host: "*.example.org", path: "/api/v2/x" },
  { host: "*.deep.example.org", path: "/d" },
  { host: "*", path: "/status" },
] as const;
const HOSTS = [
  "shop.example.org",
  "SHOP.Example.ORG:7780",
  "shop.example.org.",
  "only-api.example.org",
  "other.example.org",
  "a.b.example.org",
  "a.deep.example.org",
  "deep.example.org",
  "example.org",
  "[::1]:7780",
  "10.0.0.1",
];
const PATHS = [
  "/",
  "/x?y=/api",
  "/api",
  "/api?q=1",
  "/api/",
  "/apis",
  "/api/v2",
  "/api/v2/orders",
  "/api/v2/x/y",
  "/api/v20",
  "/d/e",
  "/status",
  "/status/deep/x",
];
const SHARES = [5, 3, 2];
const REQUESTS = 10_000;
// With two degrees of freedom a fair split exceeds this once in a thousand runs.
const CHI_SQUARE_LIMIT = 13.8;

printTable("routing");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;

  beforeEach(async () => {
    bed = new Bed(driver);
    await bed.open();
  });

  afterEach(async () => await bed.close());

  async function serve(routes: readonly { host: string; path: string }[]): Promise<void> {
    const services = await Promise.all(
      routes.map(async ({ host, path }) => {
        const port = await bed.application((_, res) => res.end(`${host}${path}`));
        const [template] = bed.table([{ port }]).services;
        const serviceId = newId(ServiceId, "svc");
        const upstreams = template?.upstreams.map((upstream) => ({
          ...upstream,
          instance: upstream.instance.replace(/^svc_[^/]+/, serviceId),
        }));
        return { serviceId, name: `${host}${path}`, parkMs: 0, upstreams };
      }),
    );
    const leaves = routes.map((route, index) => ({
      ...route,
      routeId: newId(RouteId, "rte"),
      serviceId: services[index]?.serviceId,
    }));
    await bed.plane.apply(RouteTable.parse({ ...bed.table([]), routes: leaves, services }));
  }

  check("host exact before wildcard before all, and the longest path on whole segments", async () => {
    await serve(ROUTES);
    const match = compileRoutes(ROUTES.map((route) => ({ ...route, target: `${route.host}${route.path}` })));
    const asked = HOSTS.flatMap((host) => PATHS.map((path) => ({ host, path })));
    const found: Record<string, string> = {};
    for (const { host, path } of asked) found[host + path] = (await bed.ask({ path, headers: { host } })).body;
    const none = expect.stringContaining("ROUTE_NONE");
    expect(found).toEqual(Object.fromEntries(asked.map(({ host, path }) => [host + path, match(host, path) ?? none])));
  });

  check("paths alone, where all hosts are one", async () => {
    await serve([
      { host: "*", path: "/" },
      { host: "*", path: "/api" },
      { host: "*", path: "/api v2" },
    ]);
    expect((await bed.ask({ path: "/api/x" })).body).toBe("*/api");
    expect((await bed.ask({ path: "/apis", headers: { host: "a.b" } })).body).toBe("*/");
  });

  check("shares of ten thousand requests follow the weights", async () => {
    const counts = SHARES.map(() => 0);
    const ports = await Promise.all(
      SHARES.map((_, index) =>
        bed.application((_, res) => {
          counts[index] = (counts[index] ?? 0) + 1;
          res.end();
        }),
      ),
    );
    await bed.apply(ports.map((port, index) => ({ port, weight: (SHARES[index] ?? 0) * 100 })));
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    await Promise.all(Array.from({ length: REQUESTS }, () => ask(bed.port, agent)));
    agent.destroy();
    const total = SHARES.reduce((sum, share) => sum + share, 0);
    const chiSquare = SHARES.reduce((sum, share, index) => {
      const expected = (REQUESTS * share) / total;
      return sum + ((counts[index] ?? 0) - expected) ** 2 / expected;
    }, 0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
    expect(chiSquare).toBeLessThan(CHI_SQUARE_LIMIT);
  });
});

function ask(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, agent }, (response) => {
      response.resume().on("end", resolve).on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}
