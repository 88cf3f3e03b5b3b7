import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { Difference, LockRequest, Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Revision, ServiceDefinition } from "@evenkeel/contracts/service";
import type { Draft } from "../change/index.ts";
import {
  findRevision,
  isOccupied,
  type PlannedRevision,
  planSlot,
  selectHosts,
  storedRevision,
  type WorldHost,
} from "../slot/plan/index.ts";
import { newRevision } from "./revision.ts";
import { definitionOf, type World } from "./world.ts";

/** What the plan of a release keeps for its own steps, its rollback and the screen. */
export interface ReleasePayload {
  readonly workspace: string;
  readonly application: string;
  readonly service: string;
  readonly serviceId: ServiceId;
  readonly version: string | null;
  readonly revisionDigest: string | null;
}

interface Wish {
  readonly host: WorldHost;
  readonly to: PlannedRevision | null;
}

interface Wishes {
  /** What the service as a whole runs in the end. */
  readonly revision: PlannedRevision | null;
  readonly wishes: readonly Wish[];
}

const nameOf = (spec: ReleaseOrderSpec) => spec.service ?? spec.application;
const serviceIdOf = (world: World) => world.service?.id ?? world.fresh.serviceId;

/** Spec + world → the plan of a release, or why there is none. */
export function planRelease(spec: ReleaseOrderSpec, world: World): Draft | Refusal {
  const taken = world.takenRoute;
  if (taken !== null) return refuse("ROUTE_TAKEN", { ...taken });
  const wished = wishesOf(spec, world);
  if (isRefusal(wished)) return wished;
  const serviceId = serviceIdOf(world);
  const targets = wished.wishes.map((wish) => planSlot(world, { serviceId, ...wish }, spec.strategy));
  return draftOf({ spec, world, wished, targets });
}

const wishesOf = (spec: ReleaseOrderSpec, world: World): Wishes | Refusal =>
  "restore" in spec ? restored(spec, world) : released(spec, world);

type RestoreSpec = Extract<ReleaseOrderSpec, { restore: unknown }>;

function restored(spec: RestoreSpec, world: World): Wishes | Refusal {
  const find = (id: string | null) => findRevision(world, id);
  const wishes: Wish[] = [];
  for (const { hostId, revisionId } of spec.restore.targets) {
    const host = world.hosts.find(({ id }) => id === hostId);
    // A host that was removed meanwhile has nothing to be restored.
    if (host === undefined) continue;
    const to = find(revisionId);
    if (revisionId !== null && to === null)
      return refuse("NO_INVERSE", { problem: `revision ${revisionId} is no longer known` });
    wishes.push({ host, to });
  }
  return { revision: find(spec.restore.revisionId), wishes };
}

function released(spec: Exclude<ReleaseOrderSpec, RestoreSpec>, world: World): Wishes | Refusal {
  const revision = revisionOf(spec, world);
  if (isRefusal(revision)) return revision;
  const selector = spec.hosts ?? definitionOf(spec, world.service)?.hosts ?? "all";
  const chosen = selectHosts(selector, world);
  const shown = typeof selector === "object" ? JSON.stringify(selector) : String(selector);
  if (chosen.length === 0)
    return refuse("HOSTS_NONE", { workspace: world.workspace.name, selector: `hosts: ${shown}` });
  if (!chosen.some(({ online }) => online)) return refuse("HOSTS_OFFLINE", { count: chosen.length });
  const leaving = world.hosts.filter(
    (host) => !chosen.includes(host) && spec.hosts === undefined && isOccupied(world, host),
  );
  return {
    revision,
    wishes: [...chosen.map((host) => ({ host, to: revision })), ...leaving.map((host) => ({ host, to: null }))],
  };
}

function revisionOf(spec: Exclude<ReleaseOrderSpec, RestoreSpec>, world: World): PlannedRevision | Refusal {
  if ("package" in spec) return newRevision(spec, world);
  const found = world.revisions.get(spec.revisionId);
  if (found === undefined) return refuse("NOT_FOUND", { resource: `revision ${spec.revisionId} of ${nameOf(spec)}` });
  return storedRevision(found, world.sizes);
}

interface Drafting {
  readonly spec: ReleaseOrderSpec;
  readonly world: World;
  readonly wished: Wishes;
  readonly targets: readonly PlannedTarget[];
}

function draftOf({ spec, world, wished, targets }: Drafting): Draft {
  const { revision } = wished;
  const service = nameOf(spec);
  const payload: ReleasePayload = {
    workspace: spec.workspace,
    application: spec.application,
    service,
    serviceId: serviceIdOf(world),
    version: revision?.packageVersion ?? null,
    revisionDigest: revision?.digest ?? null,
  };
  const version = revision === null ? "take away" : revision.packageVersion;
  return {
    title: "restore" in spec ? `${service}: back to ${version}` : `${service}: release ${version}`,
    opening: [frame("prepare-release", spec, { world, revision })],
    closing: [frame("settle-release", spec, { world, revision })],
    groups: targets.length === 0 ? [] : [groupOf(service, spec, targets)],
    targets: [...targets],
    basis: basisOf(spec, world, { revision, targets }),
    differences: differences(spec, world, revision),
    missing: missingOf(spec, world, revision),
    warnings: warningsOf(world, revision),
    irreversible: null,
    applications: [
      {
        name: spec.application,
        fromRevisionId: world.service?.revisionId ?? null,
        packageDigest: revision?.package.digest ?? null,
        buildpackDigest: revision?.buildpack.digest ?? null,
      },
    ],
    fromRevisionId: world.service?.revisionId ?? null,
    toRevisionId: revision?.id ?? null,
    configurationDigest: revision?.digest ?? null,
    expectedMs: null,
    payload,
  };
}

const groupOf = (service: string, { strategy }: ReleaseOrderSpec, targets: readonly PlannedTarget[]) => ({
  groupId: service,
  name: service,
  after: [],
  strategy,
  targetIds: targets.map(({ targetId }) => targetId),
});

interface Framing {
  readonly world: World;
  readonly revision: PlannedRevision | null;
}

/** The step before the first batch makes what the release needs; the one after the last makes it the service's own. */
function frame(type: "prepare-release" | "settle-release", spec: ReleaseOrderSpec, { world, revision }: Framing) {
  const definition = definitionFor(spec, world, revision);
  return {
    name: type,
    on: "control" as const,
    type,
    input: {
      serviceId: serviceIdOf(world),
      application: spec.application,
      service: nameOf(spec),
      definition,
      adopt: "package" in spec ? spec.definition !== undefined : revision !== null,
      revision,
    },
    timeoutMs: 60_000,
    repeatable: true,
    retryFrom: null,
    traffic: null,
  };
}

/** An earlier revision brings its definition back with it; hosts and parameters that people edited meanwhile stay theirs. */
function definitionFor(
  spec: ReleaseOrderSpec,
  world: World,
  revision: PlannedRevision | null,
): ServiceDefinition | null {
  if ("package" in spec || revision === null) return definitionOf(spec, world.service);
  const { env: _parameters, ...configuration } = revision.configuration;
  const { name, version } = revision.buildpack;
  const pinned = world.service?.definition.buildpack.includes("@") === true;
  const hosts = world.service?.definition.hosts ?? "all";
  return { ...configuration, buildpack: pinned ? `${name}@${version}` : name, hosts };
}

function basisOf(
  spec: ReleaseOrderSpec,
  world: World,
  { revision, targets }: { readonly revision: PlannedRevision | null; readonly targets: readonly PlannedTarget[] },
): Plan["basis"] {
  const service = nameOf(spec);
  const hosts = targets.map(({ hostId, name }) => {
    const version = world.hosts.find(({ id }) => id === hostId)?.version ?? 0;
    return { resource: `host/${hostId}`, version: String(version), label: `host ${name}` };
  });
  const slots = targets.map(({ targetId, facts, from }) => ({
    resource: `slot/${targetId}`,
    version: String(facts.fromRevisionId ?? "empty"),
    label: `what runs on ${targetId}`,
    shown: from ?? "nothing",
  }));
  const base = [
    { resource: `service/${service}`, version: String(world.service?.version ?? "none"), label: `service ${service}` },
    {
      resource: `parameters/${service}`,
      version: String(world.service?.parameters.version ?? "none"),
      label: `parameters of ${service}`,
      shown: String(world.service?.parameters.version ?? "none"),
    },
    {
      resource: `revision/${service}`,
      version: revisionVersion(revision),
      label: `revision of ${service}`,
      shown: revision?.packageVersion ?? "none",
    },
    {
      resource: `application/${spec.application}`,
      version: world.application?.id ?? "none",
      label: `application ${spec.application}`,
    },
  ];
  return [...base, ...hosts, ...slots];
}

/** Of a revision that this release makes, only the content is known. */
const revisionVersion = (revision: PlannedRevision | null): string =>
  revision === null ? "none" : revision.stored ? revision.id : revision.digest;

/** What a planned and a stored revision have in common. */
type Shown = Pick<Revision, "packageVersion" | "buildpack" | "configuration">;

function differences(spec: ReleaseOrderSpec, world: World, revision: PlannedRevision | null): Difference[] {
  const before = [...world.revisions.values()].find(({ id }) => id === world.service?.revisionId);
  const rows = (one: Shown | null | undefined) => {
    if (one == null) return new Map<string, string>();
    const { env, ...configuration } = one.configuration;
    const text = (value: unknown) => (typeof value === "string" ? value : canonicalJson(value));
    return new Map([
      ["version", one.packageVersion],
      ["buildpack", `${one.buildpack.name}@${one.buildpack.version}`],
      ...Object.entries(configuration).map(([field, value]): [string, string] => [field, text(value)]),
      ...Object.entries(env).map(([name, value]): [string, string] => [`env.${name}`, value]),
    ]);
  };
  const [from, to] = [rows(before), rows(revision as Shown | null)];
  const made = world.application === null ? [{ field: "application", from: null, to: spec.application }] : [];
  const fields = [...new Set([...from.keys(), ...to.keys()])].filter((field) => from.get(field) !== to.get(field));
  return [...made, ...fields.map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null }))];
}

function missingOf(spec: ReleaseOrderSpec, world: World, revision: PlannedRevision | null): string[] {
  return [
    ...(world.application === null ? [`application ${spec.application}`] : []),
    ...(revision !== null && revision.packageId === null ? [`package ${revision.packageVersion}`] : []),
  ];
}

function warningsOf(world: World, revision: PlannedRevision | null): string[] {
  const routed = (revision?.configuration.routes.length ?? 0) > 0;
  const offline = world.hosts.filter(({ online }) => !online).map(({ name }) => name);
  return [
    ...(routed && world.gateways === 0
      ? [`workspace ${world.workspace.name} has no gateway: the routes reach nobody`]
      : []),
    ...(offline.length > 0 ? [`offline, left out: ${offline.join(", ")}`] : []),
  ];
}

/** What this release holds while it runs. */
export function locksOfRelease(spec: ReleaseOrderSpec, world: World): LockRequest[] {
  const service = nameOf(spec);
  const key = `service/${world.workspace.id}/${service}`;
  const wished = wishesOf(spec, world);
  const hosts = isRefusal(wished) ? [] : wished.wishes.map(({ host }) => host);
  return [
    { resource: `${key}/revision`, mode: "exclusive", label: `service ${service}` },
    { resource: `${key}/routes`, mode: "exclusive", label: `routes of ${service}` },
    ...hosts.map(({ id, name }): LockRequest => ({ resource: `host/${id}`, mode: "shared", label: `host ${name}` })),
  ];
}

/** In-place leaves a route without any instance where a batch holds all that serve. */
export function reviewRelease(plan: Plan): Refusal | null {
  const routes = routesIn(plan);
  if (routes.length === 0 || consents(plan)) return null;
  const byId = new Map(plan.targets.map((target) => [target.targetId, target]));
  const serves = new Set(plan.targets.filter(({ facts }) => facts.traffic === "attached").map((one) => one.targetId));
  for (const batch of plan.groups.flatMap((group) => group.batches)) {
    const leaving = batch.targetIds.filter((id) => serves.has(id) && isDetached(byId.get(id)));
    const gap = leaving.length > 0 && leaving.length === serves.size;
    if (gap) return refuse("ROUTE_GAP", { route: routes, batch: batch.name });
    for (const id of batch.targetIds) if (byId.get(id)?.to != null) serves.add(id);
  }
  return null;
}

const isDetached = (target: PlannedTarget | undefined) =>
  target?.to != null && target.steps.some(({ type }) => type === "detach");

interface Framed {
  readonly revision?: PlannedRevision | null;
}

const framedRevision = (plan: Plan): PlannedRevision | null =>
  (plan.opening[0]?.input as Framed | undefined)?.revision ?? null;
const routesIn = (plan: Plan) =>
  (framedRevision(plan)?.configuration.routes ?? []).map(({ host, path }) => host + path);
const consents = (plan: Plan) => framedRevision(plan)?.configuration.allowGap === true;
