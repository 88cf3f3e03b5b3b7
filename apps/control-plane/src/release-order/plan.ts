import type { LockRequest } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import {
  blueGreenOf,
  type ReleaseOrderSpec,
  releasesOf,
  serviceOf,
  weightsOf,
} from "@evenkeel/contracts/release-order";
import type { Draft } from "../change/index.ts";
import { hostLocks, lockNames } from "../slot/plan/index.ts";
import { cellsLock, rulesLock } from "../traffic-rule/plan/index.ts";
import {
  type CellPair,
  type CellShare,
  pairOf,
  refuseBeside,
  withinCell,
  withSwitch,
  withUsersBack,
} from "./blue-green/index.ts";
import { refuseDependencies } from "./dependencies.ts";
import { touchesRules, withGray } from "./gray.ts";
import { withRevision } from "./restore.ts";
import { planService, type ReleasedService, type ServicePlan } from "./service-plan.ts";
import { wishesOf } from "./wish.ts";
import type { OrderWorld, Part } from "./world.ts";

/** What the plan of an order keeps for its rollback and the screen. */
export interface ReleasePayload {
  readonly workspace: string;
  /** The order is about one service and says so by its form. */
  readonly alone: boolean;
  readonly releases: readonly ReleasedService[];
  /** Users change cells by this order: what those weighed before; null = they are brought back. */
  readonly weights?: readonly CellShare[] | null;
}

/** How many services the title names. */
const NAMED = 3;

/** Spec + world → the plan of an order, or why there is none. */
export function planRelease(spec: ReleaseOrderSpec, world: OrderWorld): Draft | Refusal {
  const parts = partsOf(spec, world);
  const pair = pairFor(spec, world);
  const refusal =
    refuseDependencies(parts.map(({ release }) => release)) ??
    refuseToRevision(spec, parts) ??
    (pair === null ? null : refuseBeside(parts));
  if (refusal !== null) return refusal;
  if (isRefusal(pair)) return pair;
  const services = planServices(pair === null ? parts : parts.map((part) => withinCell(part, pair.idle)));
  if (isRefusal(services)) return services;
  const draft = refuseSharedRoute(services) ?? draftOf(spec, world, services);
  if (isRefusal(draft)) return draft;
  const weights = weightsOf(spec);
  if (weights !== null) return withUsersBack(draft, weights, world);
  const blueGreen = blueGreenOf(spec);
  return pair === null || blueGreen === null ? draft : withSwitch(draft, { blueGreen, pair, parts, services, world });
}

function planServices(parts: readonly Part[]): ServicePlan[] | Refusal {
  const services: ServicePlan[] = [];
  for (const part of parts) {
    const hosts = planService(part);
    const planned = isRefusal(hosts) ? hosts : withGray(part, hosts);
    if (isRefusal(planned)) return planned;
    services.push(planned);
  }
  return services;
}

/** The cells between which users are switched; null = they stay where they are. */
function pairFor(spec: ReleaseOrderSpec, world: OrderWorld): CellPair | Refusal | null {
  const blueGreen = blueGreenOf(spec);
  return blueGreen === null ? null : pairOf(blueGreen, world);
}

function partsOf(spec: ReleaseOrderSpec, world: OrderWorld): Part[] {
  const alone = !("releases" in spec);
  const toRevision = "releases" in spec ? spec.toRevision : undefined;
  return releasesOf(spec).flatMap((release, index) => {
    const own = world.releases[index];
    if (own === undefined) return [];
    const chosen = toRevision !== undefined && own.revisions.has(toRevision) ? toRevision : null;
    return [{ release: "restore" in release ? withRevision(release, chosen) : release, world: own, alone }];
  });
}

function refuseToRevision(spec: ReleaseOrderSpec, parts: readonly Part[]): Refusal | null {
  const wanted = "releases" in spec ? spec.toRevision : undefined;
  if (wanted === undefined || parts.some(({ world }) => world.revisions.has(wanted))) return null;
  return refuse("NOT_FOUND", { resource: `revision ${wanted} of ${parts.map(({ release }) => serviceOf(release))}` });
}

/** Two services of one order may not claim the same address, though neither has it yet. */
function refuseSharedRoute(services: readonly ServicePlan[]): Refusal | null {
  const owners = new Map<string, string>();
  for (const { about, revision } of services) {
    for (const { host, path } of revision?.configuration.routes ?? []) {
      const owner = owners.get(host + path);
      if (owner !== undefined) return refuse("ROUTE_TAKEN", { host, path, service: owner });
      owners.set(host + path, about.service);
    }
  }
  return null;
}

function draftOf(spec: ReleaseOrderSpec, world: OrderWorld, services: readonly ServicePlan[]): Draft {
  const [only] = services.length === 1 ? services : [];
  const payload: ReleasePayload = {
    workspace: spec.workspace,
    alone: !("releases" in spec),
    releases: services.map(({ about }) => about),
    ...weightsBefore(spec, world),
  };
  const unique = (texts: readonly string[]) => [...new Set(texts)];
  return {
    title: titleOf(spec, services),
    opening: services.flatMap(({ opening }) => opening),
    closing: services.flatMap(({ closing }) => closing),
    groups: services.flatMap(({ about, groups }) =>
      groups.map((group) => ({ ...group, after: [...group.after, ...groupIdsOf(services, about.after)] })),
    ),
    targets: services.flatMap(({ targets }) => targets),
    basis: [...new Map(services.flatMap(({ basis }) => basis).map((entry) => [entry.resource, entry])).values()],
    differences: services.flatMap(({ differences }) => differences),
    missing: unique(services.flatMap(({ missing }) => missing)),
    warnings: unique(services.flatMap(({ warnings }) => warnings)),
    irreversible: null,
    applications: services.map(({ about, revision }) => ({
      name: about.application,
      fromRevisionId: about.fromRevisionId,
      packageDigest: revision?.package.digest ?? null,
      buildpackDigest: revision?.buildpack.digest ?? null,
    })),
    fromRevisionId: only?.about.fromRevisionId ?? null,
    toRevisionId: only?.about.toRevisionId ?? null,
    configurationDigest: only?.revision?.digest ?? null,
    expectedMs: null,
    payload,
  };
}

function weightsBefore(spec: ReleaseOrderSpec, { cells = [] }: OrderWorld): Pick<ReleasePayload, "weights"> {
  if (weightsOf(spec) !== null) return { weights: null };
  return blueGreenOf(spec) === null ? {} : { weights: cells.map(({ name: cell, weight }) => ({ cell, weight })) };
}

const groupIdsOf = (services: readonly ServicePlan[], names: readonly string[]): string[] =>
  services
    .filter(({ about }) => names.includes(about.service))
    .flatMap(({ groups }) => groups.map(({ groupId }) => groupId));

function titleOf(spec: ReleaseOrderSpec, services: readonly ServicePlan[]): string {
  const isRestore = releasesOf(spec).every((release) => "restore" in release);
  const [only] = services.length === 1 ? services : [];
  if (only !== undefined) return titleOfOne(only, isRestore);
  const versionOf = (plan: ServicePlan) =>
    (isRestore ? versionsBack(plan) : [plan.about.version]).map(orNothing).join("/");
  const named = services.slice(0, NAMED).map((service) => `${service.about.service} ${versionOf(service)}`);
  const rest = services.length - NAMED;
  if (rest > 0) return say(isRestore ? "title.back-many" : "title.release-many", { services: named, count: rest });
  return say(isRestore ? "title.back-several" : "title.release-several", { services: named });
}

function titleOfOne(plan: ServicePlan, isRestore: boolean): string {
  const { service } = plan.about;
  const versions = isRestore ? versionsBack(plan) : [plan.about.version];
  const [version = null] = versions;
  if (versions.length > 1) return say("title.back-versions", { service, versions: versions.map(orNothing) });
  if (version === null) return say("title.back-nothing", { service });
  return say(isRestore ? "title.back" : "title.release", { service, version });
}

const orNothing = (version: string | null): string => version ?? say("value.nothing");

/** Hosts go back each to what ran there: where a release was not everywhere the same before, that is not one version. */
function versionsBack({ about, targets }: ServicePlan): readonly (string | null)[] {
  const versions = new Set(targets.flatMap(({ hostId, to }) => (hostId === null ? [] : [to])));
  return versions.size === 0 ? [about.version] : [...versions].toSorted(inOrder);
}

const inOrder = (one: string | null, other: string | null): number =>
  (one ?? "").localeCompare(other ?? "", "en", { numeric: true });

/** What an order holds while it runs. */
export function locksOfRelease(spec: ReleaseOrderSpec, world: OrderWorld): LockRequest[] {
  const pair = pairFor(spec, world);
  const within = (part: Part) => (pair === null || isRefusal(pair) ? part : withinCell(part, pair.idle));
  const isTried = (blueGreenOf(spec)?.trial?.match.length ?? 0) > 0;
  const parts = partsOf(spec, world);
  const locks = [
    ...parts.flatMap((part) => locksOfService(within(part), isTried)),
    ...(pair === null && weightsOf(spec) === null ? [] : parts.flatMap(lockOfCells)),
  ];
  // Services that share a host hold it once.
  return [...new Map(locks.map((lock) => [lock.resource, lock])).values()];
}

const lockOfCells = ({ world: { workspace } }: Part): LockRequest[] => [
  { resource: cellsLock(workspace.id), mode: "exclusive", label: say("label.cells", { workspace: workspace.name }) },
];

function locksOfService({ release, world }: Part, isTried: boolean): LockRequest[] {
  const service = serviceOf(release);
  const names = lockNames(world, service);
  const wished = wishesOf(release, world);
  const hosts = isRefusal(wished) ? [] : wished.wishes.map(({ host }) => host);
  return [
    { resource: names.revision, mode: "exclusive", label: say("label.service", { service }) },
    { resource: names.routes, mode: "exclusive", label: say("label.routes", { service }) },
    { resource: names.targets, mode: "at-start", label: say("label.targets", { service }) },
    ...(isTried || touchesRules(release, world)
      ? [
          {
            resource: rulesLock(world.workspace.id, service),
            mode: "exclusive" as const,
            label: say("label.rules", { service }),
          },
        ]
      : []),
    ...hostLocks(hosts),
  ];
}
