import type { Difference, LockRequest, Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { Operation, OperationOrderSpec } from "@evenkeel/contracts/operation-order";
import { say } from "@evenkeel/contracts/phrase";
import type { Draft } from "../change/index.ts";
import type { StoredService } from "../service/index.ts";
import {
  basisOfSlots,
  findRevision,
  type GapRule,
  hostLocks,
  hostsRefusal,
  isOccupied,
  isServing,
  lockNames,
  planSlot,
  refuseGap,
  routesIn,
  type SlotWish,
  type SlotWorld,
  selectHosts,
  standingRevision,
  type WorldHost,
} from "../slot/plan/index.ts";

/** What the plan of an operation keeps for its rollback, its review and the screen. */
export interface OperationPayload {
  readonly workspace: string;
  readonly service: string;
  readonly operation: Operation;
  readonly gap: GapRule;
}

const NO_WAY_BACK = say("inverse.restart");
const DONE: Readonly<Record<Operation, string>> = { restart: "stopped", online: "online", offline: "offline" };

/** Spec + world → the plan of an operation, or why there is none. */
export function planOperation(spec: OperationOrderSpec, world: SlotWorld): Draft | Refusal {
  const stored = world.service;
  if (stored === null) return refuse("NOT_FOUND", { resource: `service ${spec.service}` });
  const wishes = wishesOf(spec, world, stored);
  if (isRefusal(wishes)) return wishes;
  if (!wishes.some(({ host }) => host.online)) return refuse("HOSTS_OFFLINE", { count: wishes.length });
  const targets = wishes.map((wish) => planSlot(world, wish, spec.strategy));
  const { service, operation, strategy } = spec;
  const payload: OperationPayload = {
    ...{ workspace: spec.workspace, service, operation },
    gap: gapRule(operation, stored.id, wishes),
  };
  const revisionId = stored.revisionId;
  return {
    title: say(`title.${operation}`, { service }),
    // What runs was admitted when it was released: no new bits.
    applications: [
      { name: stored.application, fromRevisionId: revisionId, packageDigest: null, buildpackDigest: null },
    ],
    opening: [],
    closing: [],
    groups: [
      { groupId: service, name: service, after: [], strategy, targetIds: targets.map(({ targetId }) => targetId) },
    ],
    targets,
    basis: [
      { resource: `service/${service}`, version: stored.id, label: say("label.service", { service }) },
      { resource: `revision/${service}`, version: revisionId ?? "none", label: say("label.revision", { service }) },
      ...basisOfSlots(world, targets),
    ],
    differences: differencesOf(operation, targets),
    missing: [],
    warnings: warningsOf(spec, world, targets),
    irreversible: operation === "restart" ? NO_WAY_BACK : null,
    fromRevisionId: revisionId,
    toRevisionId: revisionId,
    configurationDigest: null,
    expectedMs: null,
    payload,
  };
}

function wishesOf(spec: OperationOrderSpec, world: SlotWorld, stored: StoredService): SlotWish[] | Refusal {
  const { id: serviceId, revisionId } = stored;
  if ("targets" in spec) return exactWishes(spec, world, serviceId);
  const current = findRevision(world, revisionId);
  if (spec.operation === "online" && current === null)
    return refuse("SERVICE_NEVER_RELEASED", { service: spec.service });
  const selector = spec.hosts ?? (spec.operation === "online" ? stored.definition.hosts : "all");
  const chosen = selectHosts(selector, world);
  // The service's own hosts may name one that was removed meanwhile; what is asked for now may not.
  const unfit = spec.hosts === undefined && chosen.length > 0 ? null : hostsRefusal(selector, world);
  if (unfit !== null) return unfit;
  const concerned = chosen.filter((host) => isConcerned(spec.operation, world, host));
  if (concerned.length === 0) {
    const hosts = spec.hosts === undefined ? say("why.all-hosts") : chosen.map(({ name }) => name);
    return refuse("ALREADY_SO", { service: spec.service, state: DONE[spec.operation], hosts });
  }
  return concerned.map((host): SlotWish => {
    if (spec.operation === "online") return { serviceId, host, to: current };
    if (spec.operation === "offline") return { serviceId, host, to: null };
    return { serviceId, host, to: standingRevision(world, host) ?? current, fresh: true };
  });
}

/** A host on which nothing is to be done is left out. */
function isConcerned(operation: Operation, world: SlotWorld, host: WorldHost): boolean {
  return operation === "online" ? !isServing(world, host) : isOccupied(world, host);
}

function exactWishes(
  { targets }: Extract<OperationOrderSpec, { targets: unknown }>,
  world: SlotWorld,
  serviceId: ServiceId,
): SlotWish[] | Refusal {
  const wishes: SlotWish[] = [];
  for (const { hostId, revisionId } of targets) {
    const host = world.hosts.find(({ id }) => id === hostId);
    // A host that was removed meanwhile has nothing to be brought back.
    if (host === undefined) continue;
    const to = findRevision(world, revisionId);
    if (revisionId !== null && to === null)
      return refuse("NO_INVERSE", { problem: say("inverse.revision-gone", { revision: revisionId }) });
    wishes.push({ serviceId, host, to });
  }
  return wishes;
}

/** A restart must not leave a route without any instance; to be without is what `offline` is for. */
function gapRule(operation: Operation, serviceId: ServiceId, wishes: readonly SlotWish[]): GapRule {
  const revisions = wishes.flatMap(({ to }) => (to === null ? [] : [to]));
  const routes = operation === "restart" ? [...new Set(revisions.flatMap(routesIn))] : [];
  return { serviceId, routes, allowGap: revisions.every(({ configuration }) => configuration.allowGap) };
}

function differencesOf(operation: Operation, targets: readonly PlannedTarget[]): Difference[] {
  const versions = (which: "from" | "to") =>
    [...new Set(targets.map((target) => target[which] ?? say("value.stopped")))].join(", ");
  const to = operation === "restart" ? say("value.anew", { versions: versions("to") }) : versions("to");
  return [{ field: "instances", from: versions("from"), to }];
}

function warningsOf(spec: OperationOrderSpec, world: SlotWorld, targets: readonly PlannedTarget[]): string[] {
  const offline = targets.filter(({ online }) => !online).map(({ name }) => name);
  const leaving = new Set(targets.filter(({ to }) => to === null).map(({ hostId }) => hostId));
  const staying = world.upstreams.filter(({ hostId, weight }) => weight > 0 && !leaving.has(hostId));
  const routes = routesIn(findRevision(world, world.service?.revisionId ?? null));
  return [
    ...(leaving.size > 0 && staying.length === 0 && routes.length > 0
      ? [say("warning.no-instance-left", { routes, service: spec.service })]
      : []),
    ...(offline.length > 0 ? [say("warning.offline", { hosts: offline })] : []),
  ];
}

/** What an operation holds while it runs. */
export function locksOfOperation(spec: OperationOrderSpec, world: SlotWorld): LockRequest[] {
  const names = lockNames(world, spec.service);
  const wishes = world.service === null ? [] : wishesOf(spec, world, world.service);
  return [
    { resource: names.revision, mode: "exclusive", label: say("label.service", { service: spec.service }) },
    { resource: names.targets, mode: "at-start", label: say("label.targets", { service: spec.service }) },
    ...hostLocks(isRefusal(wishes) ? [] : wishes.map(({ host }) => host)),
  ];
}

/** A last word about the batches: no route is left without any instance. */
export function reviewOperation(plan: Plan): Refusal | null {
  return refuseGap(plan, (plan.payload as OperationPayload).gap);
}
