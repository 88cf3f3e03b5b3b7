import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { describe, expect, test } from "vitest";
import { findCycle } from "./dependencies.ts";
import { reviewRelease } from "./review.ts";
import { definition, everywhere, HOSTS, named, planned, refused, releaseOf, running } from "./testing.ts";

type After = Readonly<Record<string, readonly string[]>>;

const orderOf = (after: After, more: object = {}) =>
  ReleaseOrderSpec.parse({
    releases: Object.entries(after).map(([name, before]) => releaseOf(name, { after: before, ...more })),
  });
const worldsOf = (after: After) => Object.keys(after).map((name) => named(name, everywhere));

describe("an order over several services", () => {
  const three: After = { db: [], api: ["db"], web: ["api"], docs: [] };

  test("gives each its own group behind those that it depends on; what depends on nothing goes side by side", () => {
    const plan = planned(orderOf(three), worldsOf(three));
    expect(plan.groups.map(({ groupId, after }) => [groupId, after])).toEqual([
      ["db", []],
      ["api", ["db"]],
      ["web", ["api"]],
      ["docs", []],
    ]);
    expect(plan.targets.slice(0, 5).map(({ targetId }) => targetId)).toEqual([
      "db@local-1",
      "db@local-2",
      "db@local-3",
      "db@local-4",
      "api@local-1",
    ]);
    expect(plan.opening.map(({ name }) => name)).toEqual([
      "prepare-release db",
      "prepare-release api",
      "prepare-release web",
      "prepare-release docs",
    ]);
    expect(plan.title).toBe("release db 2.0.0, api 2.0.0, web 2.0.0 and 1 more");
    expect(plan.differences.map(({ group, field, to }) => `${group} ${field} ${to}`)).toContain("web version 2.0.0");
  });

  test("holds every service, and each host once, in one canonical order whatever the order of the spec", () => {
    const turned: After = { docs: [], web: [], api: [], db: [] };
    const resources = (after: After) => planned(orderOf(after), worldsOf(after)).locks.map(({ resource }) => resource);
    expect(resources(three)).toEqual(resources(turned));
    expect(new Set(resources(three)).size).toBe(resources(three).length);
    expect(resources(three)).toHaveLength(4 * 3 + HOSTS.length);
    expect(resources(three)).toEqual(resources(three).toSorted());
  });

  test.each<[string, { after: After; code: string; more?: object }]>([
    ["a circle", { after: { a: ["c"], b: ["a"], c: ["b"] }, code: "ORDER_CYCLE" }],
    ["a service that follows itself", { after: { a: ["a"] }, code: "ORDER_CYCLE" }],
    ["a service that is not there", { after: { a: ["ghost"] }, code: "ORDER_AFTER_UNKNOWN" }],
    ["one service twice", { after: { a: [], b: [] }, code: "ORDER_SERVICE_TWICE", more: { service: "same" } }],
    [
      "two services at one address",
      {
        after: { a: [], b: [] },
        code: "ROUTE_TAKEN",
        more: { definition: definition({ routes: [{ host: "same.localhost", path: "/" }] }) },
      },
    ],
  ])("%s is refused", (_what, { after, code, more }) => {
    expect(refused(orderOf(after, more), worldsOf(after))).toBe(code);
  });

  test("a circle is named from its first to its first again, in the direction of the release", () => {
    expect(
      findCycle(
        new Map([
          ["b", ["a"]],
          ["a", ["c"]],
          ["c", ["b"]],
        ]),
      ),
    ).toEqual(["b", "c", "a", "b"]);
  });
});

describe("zones side by side", () => {
  const strategy = { batches: "each", confirm: "each" };
  const spec = (more: object = {}) =>
    ReleaseOrderSpec.parse({ ...releaseOf("shop"), parallel: "zone", strategy, ...more });

  test("are groups without an order, each with batches and confirmations of its own", () => {
    const { groups } = planned(spec(), everywhere);
    expect(groups.map(({ groupId, after, batches }) => [groupId, after, batches.map(({ gate }) => gate)])).toEqual([
      ["shop zone a", [], [null, "start"]],
      ["shop zone b", [], [null, "start"]],
    ]);
  });

  test("what depends on such a service waits for all of its zones", () => {
    const order = ReleaseOrderSpec.parse({
      releases: [releaseOf("api", { parallel: "zone" }), releaseOf("web", { after: ["api"] })],
    });
    const plan = planned(order, [named("api", everywhere), named("web", everywhere)]);
    expect(plan.groups.at(-1)).toMatchObject({ groupId: "web", after: ["api zone a", "api zone b"] });
  });

  test("in place they may all stand in their last serving batch at once: a gap in the route", () => {
    const inPlace = { definition: definition({ port: 8080 }) };
    const oneEach = running([{ host: HOSTS[0]! }, { host: HOSTS[2]! }]);
    const hosts = [HOSTS[0]!.name, HOSTS[2]!.name];
    expect(reviewRelease(planned(spec({ ...inPlace, hosts }), oneEach))?.refused).toBe("ROUTE_GAP");
    expect(reviewRelease(planned(spec({ ...inPlace, hosts, parallel: undefined }), oneEach))).toBeNull();
    expect(reviewRelease(planned(spec(inPlace), everywhere))).toBeNull();
  });
});
