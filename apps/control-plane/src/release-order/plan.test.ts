import type { Plan } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal } from "@evenkeel/contracts/error";
import {
  ApplicationId,
  BuildpackId,
  ChangeId,
  Digest,
  HostId,
  newId,
  PackageId,
  RevisionId,
  ServiceId,
  TenantId,
  WorkspaceId,
} from "@evenkeel/contracts/id";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { type Configuration, type Revision, ServiceDefinition } from "@evenkeel/contracts/service";
import { describe, expect, test } from "vitest";
import { freeze, type TouchedTarget } from "../change/index.ts";
import { inverseOfRelease } from "./inverse.ts";
import { locksOfRelease, planRelease, reviewRelease } from "./plan.ts";
import type { World, WorldHost } from "./world.ts";

const digest = (letter: string) => Digest.parse(`sha256:${letter.repeat(64)}`);
const serviceId = newId(ServiceId, "svc");
const workspaceId = newId(WorkspaceId, "wsp");
const tenantId = newId(TenantId, "ten");
const application = { id: newId(ApplicationId, "app"), name: "shop" };
const old = newId(RevisionId, "rev");

const HOSTS: WorldHost[] = ["local-1", "local-2", "local-3", "local-4"].map((name, index) => ({
  id: newId(HostId, "host"),
  name,
  zone: index < 2 ? "a" : "b",
  cell: null,
  address: `127.0.10.1${index + 1}`,
  version: 1,
  online: true,
}));
const hostNamed = (name: string) => HOSTS.find((host) => host.name === name)!;

const configuration = (more: Partial<Configuration> = {}): Configuration => ({
  start: "node server.js",
  port: "auto",
  env: {},
  health: { tcp: true, startSeconds: 60, intervalSeconds: 2 },
  routes: [{ host: "shop.localhost", path: "/" }],
  replace: "surge",
  allowGap: false,
  drain: { seconds: 30, policy: "cut" },
  stopSeconds: 10,
  ...more,
});

const revision = (id: RevisionId, version: string, config = configuration()): Revision => ({
  id,
  serviceId,
  digest: digest("d"),
  packageId: newId(PackageId, "pkg"),
  packageVersion: version,
  packageDigest: digest("a"),
  buildpack: { name: "node", version: "1.0.0", digest: digest("b") },
  configuration: config,
  createdAt: "2026-01-01T00:00:00.000Z",
});

const empty: World = {
  tenantId,
  workspace: { id: workspaceId, name: "local", zones: ["a", "b"] },
  application,
  service: null,
  fresh: { serviceId, revisionId: newId(RevisionId, "rev") },
  package: { id: newId(PackageId, "pkg"), version: "2.0.0", digest: digest("c"), sizeBytes: 1000 },
  buildpack: {
    id: newId(BuildpackId, "bpk"),
    name: "node",
    version: "1.0.0",
    digest: digest("b"),
    sizeBytes: 10,
    start: "node server.js",
  },
  hosts: HOSTS,
  instances: [],
  upstreams: [],
  revisions: new Map(),
  sizes: new Map(),
  routes: [],
  takenRoute: null,
  gateways: 1,
};

const definition = (more: object = {}) =>
  ServiceDefinition.parse({ routes: [{ host: "shop.localhost", path: "/" }], ...more });

interface Standing {
  readonly host: WorldHost;
  readonly letter?: "a" | "b";
  readonly revisionId?: RevisionId;
  readonly state?: "healthy" | "crash-loop" | "stopped";
  readonly attached?: boolean;
}

/** A world in which 1.0.0 stands as told. */
function running(standing: readonly Standing[], config = configuration()): World {
  const stored = revision(old, "1.0.0", config);
  const at = "2026-01-01T00:00:00.000Z";
  return {
    ...empty,
    service: {
      id: serviceId,
      tenantId,
      workspaceId,
      workspace: "local",
      applicationId: application.id,
      application: "shop",
      name: "shop",
      definition: definition(),
      parameters: { version: 1, env: {} },
      revisionId: old,
      previousRevisionId: null,
      version: 3,
      createdAt: at,
    },
    revisions: new Map([[old, stored]]),
    instances: standing.map(({ host, letter = "a", revisionId = old, state = "healthy", attached = true }) => ({
      serviceId,
      hostId: host.id,
      hostName: host.name,
      zone: host.zone,
      letter,
      revisionId,
      packageVersion: "1.0.0",
      state,
      traffic: attached ? "attached" : "detached",
      address: host.address,
      port: 20_000,
      pid: 1,
      restarts: 0,
      since: at,
    })),
    upstreams: standing
      .filter(({ attached = true }) => attached)
      .map(({ host, letter = "a", revisionId = old }) => ({
        instance: instanceKey(serviceId, host.id, letter),
        serviceId,
        hostId: host.id,
        letter,
        revisionId,
        version: "1.0.0",
        zone: host.zone,
        address: host.address,
        port: 20_000,
        weight: 100,
        state: "attached",
        healthy: true,
        stateVersion: 1,
      })),
  };
}

const everywhere = running(HOSTS.map((host) => ({ host })));
const spec = (more: object = {}) =>
  ReleaseOrderSpec.parse({ application: "shop", package: { version: "2.0.0" }, definition: definition(), ...more });

function planned(order: ReleaseOrderSpec, world: World): Plan {
  const draft = planRelease(order, world);
  if (isRefusal(draft)) throw new Error(`refused: ${draft.refused} ${JSON.stringify(draft.facts)}`);
  return freeze("release-order", draft, locksOfRelease(order, world));
}

function refused(order: ReleaseOrderSpec, world: World): Refusal["refused"] | "planned" {
  const draft = planRelease(order, world);
  return isRefusal(draft) ? draft.refused : "planned";
}

const steps = (plan: Plan, name: string) =>
  plan.targets
    .find((target) => target.name === name)
    ?.steps.map(({ name: step, input }) => [step, input.letter ?? input.letters].filter(Boolean).join(" "));

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

test("a release holds its service, its routes and its hosts, and no other", () => {
  const held = planned(spec({ hosts: ["local-1"] }), empty).locks.map(({ label, mode }) => `${mode} ${label}`);
  expect(held.sort()).toEqual(["exclusive routes of shop", "exclusive service shop", "shared host local-1"]);
});

describe("the inverse", () => {
  const strategy = {
    beta: 1,
    batches: { by: "zone" },
    bakeSeconds: 5,
    confirm: "each",
    budget: { failures: 0, action: "rollback" },
  };
  const plan = planned(spec({ strategy }), everywhere);
  const touched = plan.targets
    .slice(0, 2)
    .map((target): TouchedTarget => ({ ...target, state: "failed", currentFacts: {} }));
  const inverse = (speed: "follow" | "fast", toRevision: RevisionId | null = null) =>
    inverseOfRelease(plan, touched, { changeId: newId(ChangeId, "chg"), speed, strategy: null, toRevision });

  test("brings exactly the touched targets back to what ran there", () => {
    const order = inverse("fast");
    expect("restore" in order ? order.restore.targets : null).toEqual([
      { hostId: hostNamed("local-1").id, revisionId: old },
      { hostId: hostNamed("local-2").id, revisionId: old },
    ]);
  });

  test("`fast` takes all at once, `follow` the batches of the release; neither rolls back again by itself", () => {
    expect(inverse("fast").strategy).toMatchObject({ batches: "all", bakeSeconds: 0, confirm: "none" });
    expect(inverse("follow").strategy).toMatchObject({
      beta: 1,
      batches: { by: "zone" },
      bakeSeconds: 5,
      confirm: "each",
    });
    expect([inverse("fast").strategy.budget.action, inverse("follow").strategy.budget.action]).toEqual([
      "stop",
      "stop",
    ]);
  });

  test("in mid-release it keeps the old instance that still serves, and takes the new one away", () => {
    const host = hostNamed("local-1");
    const world = running([
      { host },
      { host, letter: "b", revisionId: newId(RevisionId, "rev"), state: "crash-loop", attached: false },
    ]);
    const restore = planned(inverse("fast"), world);
    expect(steps(restore, "local-1")).toEqual([
      "start-instance a",
      "await-health a",
      "shift-traffic a",
      "await-drained b",
      "stop-instance b",
    ]);
  });

  test("of a first release takes the instances away", () => {
    const first = planned(spec(), empty);
    const order = inverseOfRelease(
      first,
      first.targets.slice(0, 1).map((target): TouchedTarget => ({ ...target, state: "failed", currentFacts: {} })),
      { changeId: newId(ChangeId, "chg"), speed: "fast", strategy: null, toRevision: null },
    );
    const world = { ...running([{ host: hostNamed("local-1") }]), revisions: new Map() };
    expect(steps(planned(order, world), "local-1")).toEqual(["detach a", "await-drained a", "stop-instance a"]);
  });
});
