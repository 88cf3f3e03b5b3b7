import type { Plan } from "@evenkeel/contracts/change-plan";
import { isRefusal } from "@evenkeel/contracts/error";
import { newId, RevisionId } from "@evenkeel/contracts/id";
import { OperationOrderSpec } from "@evenkeel/contracts/operation-order";
import { describe, expect, test } from "vitest";
import { freeze } from "../change/index.ts";
import { empty, everywhere, HOSTS, hostNamed, old, running, steps } from "../release-order/testing.ts";
import type { SlotWorld } from "../slot/plan/index.ts";
import { inverseOfOperation } from "./inverse.ts";
import { locksOfOperation, planOperation, reviewOperation } from "./plan.ts";

const order = (operation: string, more: object = {}) =>
  OperationOrderSpec.parse({ service: "shop", operation, ...more });

function planned(spec: OperationOrderSpec, world: SlotWorld): Plan {
  const draft = planOperation(spec, world);
  if (isRefusal(draft)) throw new Error(`refused: ${draft.refused} ${JSON.stringify(draft.facts)}`);
  return freeze("operation-order", draft, locksOfOperation(spec, world));
}

const refused = (spec: OperationOrderSpec, world: SlotWorld) => {
  const draft = planOperation(spec, world);
  return isRefusal(draft) ? draft.refused : "planned";
};
const names = (plan: Plan) => plan.targets.map(({ name }) => name);
const [one, two, three] = [hostNamed("local-1"), hostNamed("local-2"), hostNamed("local-3")];
const neverReleased = { ...everywhere, service: { ...everywhere.service!, revisionId: null } };

describe("restart", () => {
  test("a surge brings a new instance of the same version before the old one leaves", () => {
    const plan = planned(order("restart"), everywhere);
    expect(steps(plan, "local-1")).toEqual([
      "clear-slot b",
      "start-instance b",
      "await-health b",
      "introduce b",
      "shift-traffic b",
      "await-drained a",
      "stop-instance a",
    ]);
    expect(plan.targets[0]).toMatchObject({ from: "1.0.0", to: "1.0.0" });
    expect(plan.differences).toEqual([{ field: "instances", from: "1.0.0", to: "1.0.0, started anew" }]);
  });

  test("with a fixed port the old one leaves first, and a batch of all that serve is refused", () => {
    const configuration = { ...everywhere.revisions.get(old)!.configuration, port: 8080, replace: "in-place" as const };
    const world = running(
      HOSTS.map((host) => ({ host })),
      configuration,
    );
    const plan = planned(order("restart"), world);
    expect(steps(plan, "local-1")?.[0]).toBe("detach a");
    expect(reviewOperation(plan)).toMatchObject({ refused: "ROUTE_GAP" });
    expect(reviewOperation(planned(order("restart", { strategy: { batches: "each" } }), world))).toBeNull();
  });

  test("it takes what runs, wherever it runs, and says beforehand that there is no way back", () => {
    const world = running([{ host: one }, { host: three }]);
    const plan = planned(order("restart"), world);
    expect(names(plan)).toEqual(["local-1", "local-3"]);
    expect(plan.irreversible).toContain("no inverse");
    expect(
      inverseOfOperation(plan, [], { changeId: "x" as never, speed: "fast", strategy: null, toRevision: null }),
    ).toMatchObject({ refused: "NO_INVERSE" });
    expect(names(planned(order("restart", { hosts: ["local-3"] }), world))).toEqual(["local-3"]);
  });

  test("what a failed release left beside the serving instance is cleared by it", () => {
    const world = running([{ host: one }, { host: one, letter: "b", state: "crash-loop", attached: false }]);
    expect(steps(planned(order("restart"), world), "local-1")?.slice(0, 2)).toEqual([
      "clear-slot b",
      "start-instance b",
    ]);
  });
});

describe("offline and online", () => {
  test("offline detaches, drains and stops; that no instance is left for a route is told", () => {
    const plan = planned(order("offline"), everywhere);
    expect(steps(plan, "local-1")).toEqual(["detach a", "await-drained a", "stop-instance a"]);
    expect(plan.warnings).toEqual([expect.stringContaining("no instance is left for shop.localhost/")]);
    expect(planned(order("offline", { hosts: ["local-1"] }), everywhere).warnings).toEqual([]);
  });

  test("online starts the service's revision where it does not serve, and only there", () => {
    const world = running([{ host: one }, { host: two, attached: false }]);
    const plan = planned(order("online"), world);
    expect(names(plan)).toEqual(["local-2", "local-3", "local-4"]);
    expect(steps(plan, "local-2")).toEqual(["start-instance a", "await-health a", "introduce a", "shift-traffic a"]);
    expect(steps(plan, "local-3")?.[0]).toBe("clear-slot a");
  });

  test("online before any successful release is refused with its code", () => {
    expect(refused(order("online"), neverReleased)).toBe("SERVICE_NEVER_RELEASED");
  });

  test("each is the inverse of the other, on exactly the touched hosts", () => {
    const plan = planned(order("offline"), everywhere);
    const touched = plan.targets
      .slice(0, 2)
      .map((target) => ({ ...target, state: "succeeded" as const, currentFacts: {} }));
    const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
    const back = inverseOfOperation(plan, touched, request);
    expect(back).toMatchObject({
      operation: "online",
      targets: [
        { hostId: one.id, revisionId: old },
        { hostId: two.id, revisionId: old },
      ],
      strategy: { batches: "all" },
    });
    const stopped = running([{ host: three }, { host: hostNamed("local-4") }]);
    const return_ = planned(OperationOrderSpec.parse(back), stopped);
    expect(names(return_)).toEqual(["local-1", "local-2"]);
    expect(return_.targets.map(({ facts }) => facts.toRevisionId)).toEqual([old, old]);
    const again = return_.targets.map((target) => ({ ...target, state: "succeeded" as const, currentFacts: {} }));
    expect(inverseOfOperation(return_, again, request)).toMatchObject({
      operation: "offline",
      targets: [{ revisionId: null }, { revisionId: null }],
    });
  });

  test("a revision that is gone cannot be brought back", () => {
    const targets = [{ hostId: one.id, revisionId: newId(RevisionId, "rev") }];
    expect(refused(order("online", { targets }), everywhere)).toBe("NO_INVERSE");
  });
});

const allOffline = { ...everywhere, hosts: HOSTS.map((host) => ({ ...host, online: false })) };

test.each([
  { what: "a service that does not exist", spec: order("restart"), world: empty, code: "NOT_FOUND" },
  { what: "no host that fits", spec: order("restart", { hosts: ["nowhere"] }), world: everywhere, code: "HOSTS_NONE" },
  {
    what: "a host that is none beside one that is",
    spec: order("restart", { hosts: ["local-1", "nowhere"] }),
    world: everywhere,
    code: "HOSTS_NONE",
  },
  {
    what: "nothing there",
    spec: order("offline", { hosts: ["local-2"] }),
    world: running([{ host: one }]),
    code: "ALREADY_SO",
  },
  { what: "everything online already", spec: order("online"), world: everywhere, code: "ALREADY_SO" },
  { what: "no host online", spec: order("restart"), world: allOffline, code: "HOSTS_OFFLINE" },
])("$what is refused with its code", ({ spec, world, code }) => {
  expect(refused(spec, world)).toBe(code);
});

test("it holds the service alone and its hosts with others", () => {
  const plan = planned(order("restart", { hosts: ["local-1"] }), everywhere);
  expect(plan.locks.map(({ resource, mode }) => `${resource.split("/").at(-1)} ${mode}`).toSorted()).toEqual(
    [`${one.id} shared`, "revision exclusive", "targets at-start"].toSorted(),
  );
});
