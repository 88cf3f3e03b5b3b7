import { ChangeId, newId, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { describe, expect, test } from "vitest";
import { reviewRelease } from "./review.ts";
import {
  definition,
  digest,
  empty,
  everywhere,
  HOSTS,
  hostNamed,
  old,
  planned,
  refused,
  running,
  spec,
  steps,
} from "./testing.ts";
import type { World } from "./world.ts";

describe("the steps of a target", () => {
  test("a first release starts, proves health, and only then takes traffic", () => {
    expect(steps(planned(spec(), empty), "local-1")).toEqual([
      "clear-slot a",
      "start-instance a",
      "await-health a",
      "introduce a",
      "shift-traffic a",
    ]);
  });

  test("the step that gives traffic stands behind a gate, and health has the strategy's deadline", () => {
    const plan = planned(
      spec({ strategy: { confirm: "each", gate: "traffic", healthyDeadlineSeconds: 7 } }),
      everywhere,
    );
    const target = plan.targets[0]!;
    expect(target.steps.filter(({ gated }) => gated === true).map(({ name }) => name)).toEqual(["shift-traffic"]);
    expect(target.steps.find(({ name }) => name === "await-health")?.input).toMatchObject({
      health: { startSeconds: 7 },
    });
    expect(plan.groups[0]?.batches.map(({ gate }) => gate)).toEqual(["traffic"]);
  });

  test("without routes there is no traffic to confirm, so there is no gate", () => {
    const order = spec({ definition: definition({ routes: [] }), strategy: { confirm: "each", gate: "traffic" } });
    expect(planned(order, empty).groups[0]?.batches.map(({ gate }) => gate)).toEqual([null]);
  });

  test("surge starts the new one beside the old, shifts, drains, then stops the old", () => {
    expect(steps(planned(spec(), everywhere), "local-1")).toEqual([
      "clear-slot b",
      "start-instance b",
      "await-health b",
      "introduce b",
      "shift-traffic b",
      "await-drained a",
      "stop-instance a",
    ]);
  });

  test("in place detaches, drains and stops before it starts", () => {
    const order = spec({ definition: definition({ port: 8080 }) });
    expect(steps(planned(order, everywhere), "local-1")).toEqual([
      "detach a",
      "await-drained a",
      "stop-instance a",
      "clear-slot b",
      "start-instance b",
      "await-health b",
      "introduce b",
      "shift-traffic b",
    ]);
  });

  test("a service without routes moves no traffic", () => {
    const order = spec({ definition: definition({ routes: [] }) });
    expect(steps(planned(order, empty), "local-1")).toEqual(["clear-slot a", "start-instance a", "await-health a"]);
  });

  test("a crashed instance that takes no traffic is what the new one replaces", () => {
    const world = running([
      { host: hostNamed("local-1") },
      {
        host: hostNamed("local-1"),
        letter: "b",
        revisionId: newId(RevisionId, "rev"),
        state: "crash-loop",
        attached: false,
      },
    ]);
    expect(steps(planned(spec({ hosts: ["local-1"] }), world), "local-1")?.slice(0, 2)).toEqual([
      "clear-slot b",
      "start-instance b",
    ]);
  });
});

describe("the hosts of a release", () => {
  test.each([
    ["all", ["local-1", "local-2", "local-3", "local-4"]],
    [2, ["local-1", "local-2"]],
    [
      ["local-3", "local-1"],
      ["local-1", "local-3"],
    ],
    [{ zones: ["b"] }, ["local-3", "local-4"]],
  ])("%j chooses %j", (hosts, names) => {
    expect(planned(spec({ hosts }), empty).targets.map(({ name }) => name)).toEqual(names);
  });

  test("a host that the definition no longer names loses its instance", () => {
    const plan = planned(spec({ definition: definition({ hosts: ["local-1"] }) }), everywhere);
    expect(plan.targets.map(({ name, to }) => [name, to])).toEqual([
      ["local-1", "2.0.0"],
      ["local-2", null],
      ["local-3", null],
      ["local-4", null],
    ]);
    expect(steps(plan, "local-2")).toEqual(["detach a", "await-drained a", "stop-instance a"]);
  });

  test("a release that names its hosts for this once leaves the others alone", () => {
    expect(planned(spec({ hosts: ["local-1"] }), everywhere).targets.map(({ name }) => name)).toEqual(["local-1"]);
  });
});

describe("what is refused", () => {
  const offline = { ...empty, hosts: HOSTS.map((host) => ({ ...host, online: false })) };
  test.each<[string, ReleaseOrderSpec, World]>([
    ["HOSTS_NONE", spec({ hosts: ["nowhere"] }), empty],
    ["HOSTS_NONE", spec({ definition: definition({ hosts: ["local-1", "lcoal-2"] }) }), everywhere],
    ["HOSTS_OFFLINE", spec(), offline],
    ["PACKAGE_NOT_FOUND", spec(), { ...empty, package: null }],
    ["PACKAGE_VERSION_TAKEN", spec({ package: { version: "2.0.0", digest: digest("e") } }), empty],
    ["BUILDPACK_NOT_FOUND", spec({ definition: definition({ buildpack: "cobol" }) }), { ...empty, buildpack: null }],
    ["START_MISSING", spec(), { ...empty, buildpack: { ...empty.buildpack!, start: null } }],
    ["SERVICE_NEVER_RELEASED", ReleaseOrderSpec.parse({ application: "shop", package: { version: "2.0.0" } }), empty],
    ["ROUTE_TAKEN", spec(), { ...empty, takenRoute: { host: "shop.localhost", path: "/", service: "other" } }],
  ])("%s", (code, order, world) => {
    expect(refused(order, world)).toBe(code);
  });

  test("in place on all hosts at once would leave the route without an instance, unless there is consent", () => {
    const strategy = { batches: "all" };
    const gap = planned(spec({ definition: definition({ port: 8080 }), strategy }), everywhere);
    expect(reviewRelease(gap)?.refused).toBe("ROUTE_GAP");
    const consent = planned(spec({ definition: definition({ port: 8080, allowGap: true }), strategy }), everywhere);
    expect(reviewRelease(consent)).toBeNull();
    const apart = planned(spec({ definition: definition({ port: 8080 }), strategy: { batches: "each" } }), everywhere);
    expect(reviewRelease(apart)).toBeNull();
  });
});

describe("the plan as a document", () => {
  test("a package that is not uploaded yet can be planned by its digest, and is named as missing", () => {
    const order = spec({ package: { version: "2.0.0", digest: digest("e") } });
    expect(planned(order, { ...empty, package: null, application: null }).missing).toEqual([
      "application shop",
      "package 2.0.0",
    ]);
  });

  test("it says what differs from now", () => {
    const order = spec({ definition: definition({ env: { LOG_LEVEL: "debug" } }) });
    expect(planned(order, everywhere).differences).toEqual([
      { field: "version", from: "1.0.0", to: "2.0.0" },
      { field: "env.LOG_LEVEL", from: null, to: "debug" },
    ]);
  });

  test("parameters that were set and never released are told where the manifest replaces them", () => {
    const service = everywhere.service;
    if (service === null) throw new Error("there is a service");
    const world = { ...everywhere, service: { ...service, parameters: { version: 2, env: { LIMIT: "9" } } } };
    const env = (wanted: Record<string, string>) =>
      planned(spec({ definition: definition({ env: wanted }) }), world).differences.filter(({ field }) =>
        field.startsWith("env."),
      );
    expect(env({ LOG_LEVEL: "debug" })).toEqual([
      { field: "env.LIMIT", from: "9", to: null },
      { field: "env.LOG_LEVEL", from: null, to: "debug" },
    ]);
    expect(env({ LIMIT: "9" })).toEqual([]);
  });

  test("more hosts than there are, and a beta of more than all, are said aloud", () => {
    const strategy = { beta: 99, batches: "all" };
    expect(planned(spec({ definition: definition({ hosts: 9 }), strategy }), everywhere).warnings).toEqual([
      `hosts: 9 are asked for and ${everywhere.workspace.name} has ${HOSTS.length}: it runs on all of them`,
      expect.stringContaining(`beta: 99 is more than the ${HOSTS.length} hosts of shop`),
    ]);
    expect(planned(spec({ definition: definition({ hosts: HOSTS.length }) }), everywhere).warnings).toEqual([]);
  });

  test("scripts of a buildpack that differ are told by their digests, never by their texts", () => {
    const scripts = new Map([
      [digest("b"), { "lifecycle/setup": digest("1"), "lifecycle/check": digest("2") }],
      [digest("9"), { "lifecycle/setup": digest("3"), "lifecycle/check": digest("2") }],
    ]);
    const world = {
      ...everywhere,
      scripts,
      buildpack: { ...everywhere.buildpack!, version: "1.1.0", digest: digest("9") },
    };
    expect(planned(spec(), world).differences).toEqual([
      { field: "version", from: "1.0.0", to: "2.0.0" },
      { field: "buildpack", from: "node@1.0.0", to: "node@1.1.0" },
      { field: "buildpack.digest", from: digest("b"), to: digest("9") },
      { field: "script.lifecycle/setup", from: digest("1"), to: digest("3") },
    ]);
  });

  test.each<[string, (world: World) => World]>([
    [
      "host local-1",
      (world) => ({
        ...world,
        hosts: world.hosts.map((host, index) => (index === 0 ? { ...host, version: 2 } : host)),
      }),
    ],
    [
      "parameters of shop",
      (world) => ({ ...world, service: { ...world.service!, parameters: { version: 2, env: {} } } }),
    ],
    ["service shop", (world) => ({ ...world, service: { ...world.service!, version: 4 } })],
    [
      "what runs on local-4",
      (world) => ({ ...world, instances: world.instances.slice(0, 3), upstreams: world.upstreams.slice(0, 3) }),
    ],
  ])("its basis names %s", (label, move) => {
    const before = planned(spec(), everywhere).basis;
    const after = planned(spec(), move(everywhere)).basis;
    const moved = after.filter((entry, index) => entry.version !== before[index]?.version).map((entry) => entry.label);
    expect(moved).toEqual([label]);
  });

  test("the same world gives the same basis, though ids of new things differ", () => {
    const again = {
      ...everywhere,
      fresh: { serviceId: newId(ServiceId, "svc"), revisionId: newId(RevisionId, "rev") },
    };
    expect(planned(spec(), again).basis).toEqual(planned(spec(), everywhere).basis);
  });
});

describe("a revision whose bits are stored no more", () => {
  const world = { ...everywhere, gone: new Set([old]) };
  const restore = (more: object = {}) =>
    ReleaseOrderSpec.parse({
      application: "shop",
      restore: {
        ofChange: newId(ChangeId, "chg"),
        revisionId: old,
        targets: [{ hostId: hostNamed("local-1").id, revisionId: old }],
        ...more,
      },
    });

  test("is refused where somebody chose it", () => {
    expect(refused(ReleaseOrderSpec.parse({ application: "shop", revisionId: old }), world)).toBe("REVISION_GONE");
    expect(refused(restore({ chosen: true }), world)).toBe("REVISION_GONE");
  });

  test("is gone back to where it ran before, because its hosts may still have it, with a warning", () => {
    expect(planned(restore(), world).warnings).toEqual([expect.stringContaining("1.0.0 is stored no more")]);
  });
});

test("a rollback names what its hosts go back to: one version, several where they were not the same before, or nothing", () => {
  const newer = newId(RevisionId, "rev");
  const stored = everywhere.revisions.get(old)!;
  const world = {
    ...everywhere,
    revisions: new Map([
      [old, stored],
      [newer, { ...stored, id: newer, packageVersion: "1.1.0" }],
    ]),
  };
  const title = (...revisionIds: (RevisionId | null)[]) => {
    const targets = revisionIds.map((revisionId, index) => ({
      hostId: hostNamed(`local-${index + 1}`).id,
      revisionId,
    }));
    const restore = { ofChange: newId(ChangeId, "chg"), revisionId: old, targets };
    return planned(ReleaseOrderSpec.parse({ application: "shop", restore }), world).title;
  };
  expect(title(old, old)).toBe("shop: back to 1.0.0");
  expect(title(newer, newer)).toBe("shop: back to 1.1.0");
  expect(title(newer, old)).toBe("shop: back to what ran before (1.0.0, 1.1.0)");
  expect(title(old, null)).toBe("shop: back to what ran before (nothing, 1.0.0)");
  expect(title(null)).toBe("shop: back to nothing");
});

test("a release holds its service, its routes and its hosts, and needs nobody to scale it when it begins", () => {
  const held = planned(spec({ hosts: ["local-1"] }), empty).locks.map(({ label, mode }) => `${mode} ${label}`);
  expect(held.sort()).toEqual([
    "at-start targets of shop",
    "exclusive routes of shop",
    "exclusive service shop",
    "shared host local-1",
  ]);
});
