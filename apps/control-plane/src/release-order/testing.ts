// The world in which the planner is tested: four hosts in two zones, a service of one release.
import type { Plan } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal } from "@evenkeel/contracts/error";
import {
  ApplicationId,
  BuildpackId,
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
import { freeze } from "../change/index.ts";
import type { WorldHost } from "../slot/plan/index.ts";
import { inverseOfRelease } from "./inverse.ts";
import { locksOfRelease, planRelease } from "./plan.ts";
import type { OrderWorld, World } from "./world.ts";

export const digest = (letter: string) => Digest.parse(`sha256:${letter.repeat(64)}`);
const serviceId = newId(ServiceId, "svc");
const workspaceId = newId(WorkspaceId, "wsp");
const tenantId = newId(TenantId, "ten");
const application = { id: newId(ApplicationId, "app"), name: "shop" };
export const old = newId(RevisionId, "rev");

export const HOSTS: WorldHost[] = ["local-1", "local-2", "local-3", "local-4"].map((name, index) => ({
  id: newId(HostId, "host"),
  name,
  zone: index < 2 ? "a" : "b",
  cell: null,
  labels: {},
  address: `127.0.10.1${index + 1}`,
  version: 1,
  online: true,
}));
export const hostNamed = (name: string) => HOSTS.find((host) => host.name === name)!;

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

export const empty: World = {
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
  scripts: new Map(),
  gone: new Set(),
  routes: [],
  takenRoute: null,
  templates: new Map(),
  rules: [],
  gateways: 1,
};

export const definition = (more: object = {}) =>
  ServiceDefinition.parse({ routes: [{ host: "shop.localhost", path: "/" }], ...more });

interface Standing {
  readonly host: WorldHost;
  readonly letter?: "a" | "b";
  readonly revisionId?: RevisionId;
  readonly state?: "healthy" | "crash-loop" | "stopped";
  readonly attached?: boolean;
}

/** A world in which 1.0.0 stands as told. */
export function running(standing: readonly Standing[], config = configuration()): World {
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

export const everywhere = running(HOSTS.map((host) => ({ host })));
export const spec = (more: object = {}) =>
  ReleaseOrderSpec.parse({ application: "shop", package: { version: "2.0.0" }, definition: definition(), ...more });

type Worlds = World | readonly World[] | OrderWorld;

function asOrder(world: Worlds): OrderWorld {
  if ("releases" in world) return world;
  return { workspaceId, releases: Array.isArray(world) ? world : [world as World] };
}

/** The way back, where there is one. */
export function wayBack(...[plan, touched, request]: Parameters<typeof inverseOfRelease>): ReleaseOrderSpec {
  const spec = inverseOfRelease(plan, touched, request);
  if (isRefusal(spec)) throw new Error(`refused: ${spec.refused} ${JSON.stringify(spec.facts)}`);
  return spec;
}

export function planned(order: ReleaseOrderSpec, world: Worlds): Plan {
  const whole = asOrder(world);
  const draft = planRelease(order, whole);
  if (isRefusal(draft)) throw new Error(`refused: ${draft.refused} ${JSON.stringify(draft.facts)}`);
  return freeze("release-order", draft, locksOfRelease(order, whole));
}

export function refused(order: ReleaseOrderSpec, world: Worlds): Refusal["refused"] | "planned" {
  const draft = planRelease(order, asOrder(world));
  return isRefusal(draft) ? draft.refused : "planned";
}

export const steps = (plan: Plan, name: string) =>
  plan.targets
    .find((target) => target.name === name)
    ?.steps.map(({ name: step, input }) => [step, input.letter ?? input.letters].filter(Boolean).join(" "));

/** The same world, but of another service with revisions of its own. */
export function named(name: string, world: World): World {
  const own = newId(ServiceId, "svc");
  const renamedIds = new Map([...world.revisions.keys()].map((id) => [id, newId(RevisionId, "rev")]));
  const idOf = (id: RevisionId): RevisionId => renamedIds.get(id) ?? id;
  return {
    ...world,
    application: { id: newId(ApplicationId, "app"), name },
    fresh: { serviceId: own, revisionId: newId(RevisionId, "rev") },
    service:
      world.service === null
        ? null
        : {
            ...world.service,
            id: own,
            name,
            application: name,
            revisionId: world.service.revisionId === null ? null : idOf(world.service.revisionId),
          },
    instances: world.instances.map((instance) => ({
      ...instance,
      serviceId: own,
      revisionId: idOf(instance.revisionId),
    })),
    upstreams: world.upstreams.map((upstream) => ({
      ...upstream,
      serviceId: own,
      instance: instanceKey(own, upstream.hostId, upstream.letter),
      revisionId: idOf(upstream.revisionId),
    })),
    revisions: new Map(
      [...world.revisions].map(([id, stored]) => {
        const routes = [{ host: `${name}.localhost`, path: "/" }];
        const configuration = { ...stored.configuration, routes };
        return [idOf(id), { ...stored, id: idOf(id), serviceId: own, configuration }];
      }),
    ),
  };
}

/** A release of this application at an address of its own. */
export const releaseOf = (application: string, more: object = {}) => ({
  application,
  package: { version: "2.0.0" },
  definition: definition({ routes: [{ host: `${application}.localhost`, path: "/" }] }),
  ...more,
});
