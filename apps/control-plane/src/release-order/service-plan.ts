import type { PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { serviceOf } from "@evenkeel/contracts/release-order";
import type { Parallel } from "@evenkeel/contracts/service";
import type { Draft } from "../change/index.ts";
import { withFlow } from "../command-template/plan/index.ts";
import { type PlannedRevision, planSlot } from "../slot/plan/index.ts";
import { basisOf } from "./basis.ts";
import { differencesOf } from "./difference.ts";
import { framesOf } from "./frame-plan.ts";
import { type Wish, wishesOf } from "./wish.ts";
import { definitionOf, flowOf, type Part, serviceIdOf } from "./world.ts";

/** What the plan keeps of a release for its rollback and the screen. */
export interface ReleasedService {
  readonly application: string;
  readonly service: string;
  readonly serviceId: ServiceId;
  readonly version: string | null;
  readonly revisionDigest: string | null;
  readonly fromRevisionId: RevisionId | null;
  readonly toRevisionId: RevisionId | null;
  readonly after: readonly string[];
  readonly parallel: Parallel | null;
}

type DraftPart = Pick<Draft, "opening" | "closing" | "groups" | "targets" | "basis" | "differences" | "missing">;

/** The part of the plan that is about one service; the order puts the parts together. */
export interface ServicePlan extends DraftPart {
  readonly about: ReleasedService;
  readonly revision: PlannedRevision | null;
  readonly warnings: readonly string[];
}

/** Release + world → what is done to one service, or why that cannot be. Its groups do not know yet what they come after. */
export function planService(part: Part): ServicePlan | Refusal {
  const { release, world } = part;
  const taken = world.takenRoute;
  if (taken !== null) return refuse("ROUTE_TAKEN", { ...taken });
  const wished = wishesOf(release, world);
  if (isRefusal(wished)) return wished;
  const { revision } = wished;
  const targets: PlannedTarget[] = [];
  for (const wish of wished.wishes) {
    const target = planTarget(part, wish);
    if (isRefusal(target)) return target;
    targets.push(target);
  }
  return {
    about: aboutOf(part, revision),
    revision,
    ...framesOf(part, revision),
    groups: groupsOf(part, targets),
    targets,
    basis: basisOf(part, { revision, targets }),
    differences: differencesOf(part, revision),
    missing: missingOf(part, revision),
    warnings: warningsOf(part, revision),
  };
}

function aboutOf({ release, world }: Part, revision: PlannedRevision | null): ReleasedService {
  return {
    application: release.application,
    service: serviceOf(release),
    serviceId: serviceIdOf(world),
    version: revision?.packageVersion ?? null,
    revisionDigest: revision?.digest ?? null,
    fromRevisionId: world.service?.revisionId ?? null,
    toRevisionId: revision?.id ?? null,
    after: release.after,
    parallel: release.parallel ?? null,
  };
}

/** Where several services share hosts, a target is named by both. */
function planTarget({ release, world, alone }: Part, wish: Wish): PlannedTarget | Refusal {
  const slot = planSlot(
    world,
    { serviceId: serviceIdOf(world), application: release.application, ...wish },
    release.strategy,
  );
  const target = withFlow(slot, { flow: flowOf(release, world.service), templates: world.templates });
  if (isRefusal(target) || alone) return target;
  const name = `${serviceOf(release)}@${target.name}`;
  return { ...target, targetId: name, name, hostName: target.name };
}

/** One group, or one for each zone or cell where those go side by side. */
function groupsOf({ release }: Part, targets: readonly PlannedTarget[]): Draft["groups"] {
  const { parallel, strategy } = release;
  const service = serviceOf(release);
  const group = (name: string, of: readonly PlannedTarget[]) => ({
    groupId: name,
    name,
    after: [],
    strategy,
    targetIds: of.map(({ targetId }) => targetId),
  });
  if (targets.length === 0) return [];
  if (parallel === undefined) return [group(service, targets)];
  const places = Map.groupBy(targets, (target) => target[parallel] ?? "none");
  return [...places].map(([place, of]) =>
    group(
      parallel === "zone" ? say("group.zone", { service, zone: place }) : say("group.cell", { service, cell: place }),
      of,
    ),
  );
}

function missingOf({ release, world }: Part, revision: PlannedRevision | null): string[] {
  return [
    ...(world.application === null ? [say("label.application", { application: release.application })] : []),
    ...(revision !== null && revision.packageId === null
      ? [say("label.package", { version: revision.packageVersion })]
      : []),
  ];
}

/** Fewer hosts than were asked for: what joins later is not taken by itself. */
function shortOf({ release, world }: Part): string[] {
  if ("restore" in release) return [];
  const wanted = release.hosts ?? definitionOf(release, world.service)?.hosts;
  const there = world.hosts.length;
  if (typeof wanted !== "number" || wanted <= there) return [];
  return [say("warning.few-hosts", { wanted, workspace: world.workspace.name, count: there })];
}

function warningsOf(part: Part, revision: PlannedRevision | null): string[] {
  const { world } = part;
  const routed = (revision?.configuration.routes.length ?? 0) > 0;
  const offline = world.hosts.filter(({ online }) => !online).map(({ name }) => name);
  return [
    ...(routed && world.gateways === 0 ? [say("warning.no-gateway", { workspace: world.workspace.name })] : []),
    ...(revision !== null && world.gone.has(revision.id)
      ? [say("warning.package-gone", { version: revision.packageVersion })]
      : []),
    ...shortOf(part),
    ...(offline.length > 0 ? [say("warning.offline", { hosts: offline })] : []),
  ];
}
