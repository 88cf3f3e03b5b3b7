import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { LockRequest, Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { RouteChangeSpec, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { Draft } from "../change/index.ts";
import { basisOfCells, cellsLock, type RuleWrites, rulesLock, setRules } from "../traffic-rule/plan/index.ts";
import { altersCells, cellEdits, cellsBefore, cellText } from "./altered-cells.ts";
import { type HostMove, movedServing, movesOf, watchedByMoves } from "./moved-hosts.ts";
import { differencesOf, isIn, warningsOf } from "./preview.ts";
import { refuseRouteChange } from "./refusal.ts";
import { withShare } from "./stage.ts";
import type { RoutedService, RouteWorld } from "./world.ts";

/** What a plan keeps for its rollback: everything it touches as it was. */
export type RouteChangePayload = Pick<
  RouteChangeSpec,
  "workspace" | "put" | "remove" | "policies" | "cells" | "hosts" | "userKey"
>;

/** Spec + world → the plan by which rules, policies and cells change, or why there is none. */
export function planRouteChange(spec: RouteChangeSpec, world: RouteWorld): Draft | Refusal {
  const refusal = refuseRouteChange(spec, world);
  if (refusal !== null) return refusal;
  const before = stateBefore(spec, world);
  const watched = watchedBy(spec, world);
  const steps = spec.steps.length === 0 ? [null] : spec.steps;
  const targets = steps.map((percent) => ({ ...targetOf(spec, world, percent), watched }));
  if (isSame(spec, world, before)) return refuse("TRAFFIC_ALREADY_SO", { workspace: spec.workspace });
  return {
    title: titleOf(spec, world),
    applications: applicationsOf(spec, world),
    opening: [],
    closing: [],
    groups: [
      {
        ...{ groupId: "traffic", name: "traffic", after: [] },
        // Steps that went all at once would be none.
        strategy: spec.steps.length > 1 ? { ...spec.strategy, batches: "each" } : spec.strategy,
        targetIds: targets.map(({ targetId }) => targetId),
      },
    ],
    targets,
    basis: basisOf(spec, world),
    differences: differencesOf(spec, world),
    missing: [],
    warnings: warningsOf(spec, world),
    irreversible: null,
    ...{ fromRevisionId: null, toRevisionId: null, configurationDigest: null, expectedMs: null },
    payload: before,
  };
}

/** Those of services whose rules are altered, or whose users may meet other instances. */
function applicationsOf(spec: RouteChangeSpec, world: RouteWorld): Draft["applications"] {
  const touched = [...world.services, ...movedServing(spec, world)];
  const byName = new Map(touched.map(({ application, revisionId }) => [application, revisionId]));
  return [...byName].map(([name, fromRevisionId]) => ({
    ...{ name, fromRevisionId, packageDigest: null, buildpackDigest: null },
  }));
}

function titleOf(spec: RouteChangeSpec, world: RouteWorld): string {
  const { put, remove, policies, cells } = spec;
  const moves = movesOf(spec, world);
  const parts = [
    ...(put.length > 0 ? [say("part.set", { rules: put.map(({ name }) => name) })] : []),
    ...(remove.length > 0 ? [say("part.remove", { rules: remove })] : []),
    ...(policies.length > 0 ? [say("part.policy", { services: policies.map(({ service }) => service) })] : []),
    ...(cells.length > 0 ? [say("part.cells", { cells: cells.map(cellText) })] : []),
    ...(moves.length > 0 ? [say("part.hosts", { hosts: moves.map(moveText) })] : []),
  ];
  return say("title.traffic", { parts: parts.length === 0 ? say("part.user-key") : parts.join("; ") });
}

const moveText = ({ host, cell }: HostMove): string => `${host.name} → ${cell ?? "none"}`;

function stateBefore(spec: RouteChangeSpec, world: RouteWorld): RouteChangePayload {
  const names = new Set([...spec.put.map(({ name }) => name), ...spec.remove]);
  const touched = world.rules.filter(({ definition }) => names.has(definition.name));
  const had = new Set(touched.map(({ definition }) => definition.name));
  return {
    workspace: spec.workspace,
    put: touched.map(({ definition }) => definition),
    remove: spec.put.map(({ name }) => name).filter((name) => !had.has(name)),
    policies: spec.policies.map(({ service }) => ({
      service,
      policy: world.services.find(({ name }) => name === service)?.policy ?? null,
    })),
    cells: cellsBefore(spec, world),
    hosts: movesOf(spec, world).map(({ host }) => ({ host: host.name, cell: host.cell })),
    ...(spec.userKey !== undefined && { userKey: [...world.userKey] }),
  };
}

function isSame(spec: RouteChangeSpec, world: RouteWorld, before: RouteChangePayload): boolean {
  return (
    spec.remove.length === 0 &&
    spec.steps.length === 0 &&
    before.remove.length === 0 &&
    before.hosts.length === 0 &&
    !altersCells(spec, world) &&
    sameByName(spec.put, before.put) &&
    canonicalJson(spec.policies) === canonicalJson(before.policies) &&
    JSON.stringify(spec.userKey) === JSON.stringify(before.userKey)
  );
}

function sameByName(ones: readonly SetTrafficRule[], others: readonly SetTrafficRule[]): boolean {
  const texts = (rules: readonly SetTrafficRule[]) => rules.map((rule) => canonicalJson(rule)).sort();
  return JSON.stringify(texts(ones)) === JSON.stringify(texts(others));
}

function targetOf(spec: RouteChangeSpec, world: RouteWorld, percent: number | null): PlannedTarget {
  const name = percent === null ? "traffic" : `${percent} %`;
  return {
    ...{ targetId: name, name, hostId: null, zone: "", cell: null, slot: null, online: true, from: null, to: null },
    ...{ stage: [], clean: [], reattach: [], facts: {} },
    steps: [setRules(writesOf(spec, world, percent))],
  };
}

type Watched = NonNullable<PlannedTarget["watched"]>;

/** What guards compare: the instances that get other users than before, with the others of their service. */
function watchedBy(spec: RouteChangeSpec, world: RouteWorld): Watched {
  const byRules = watchedByRules(spec, world);
  const ruled = new Set(byRules.map(({ serviceId }) => serviceId));
  return [...byRules, ...watchedByMoves(spec, world).filter(({ serviceId }) => !ruled.has(serviceId))];
}

/** Those that the first destination of a rule means. */
function watchedByRules({ put }: RouteChangeSpec, world: RouteWorld): Watched {
  return put.flatMap(({ service, send }) => {
    const [first, ...others] = send?.to ?? [];
    const { id: serviceId, upstreams = [] } = world.services.find(({ name }) => name === service) ?? {};
    if (first === undefined || others.length === 0 || serviceId === undefined) return [];
    return upstreams.map(({ hostId, version }) => {
      const name = world.hosts.find(({ id }) => id === hostId)?.name ?? hostId;
      return { name, hostId, serviceId, from: version, gains: isIn({ serviceId, hostId, version }, first.to, world) };
    });
  });
}

function writesOf(spec: RouteChangeSpec, world: RouteWorld, percent: number | null): RuleWrites {
  const idOf = (service: string) => (world.services.find(({ name }) => name === service) as RoutedService).id;
  const { put, remove, policies, userKey } = spec;
  return {
    put: put.map((rule) => ({
      serviceId: idOf(rule.service),
      definition: percent === null ? rule : withShare(rule, percent),
    })),
    remove,
    policies: policies.map(({ service, policy }) => ({ serviceId: idOf(service), policy })),
    userKey: userKey ?? null,
    cells: cellEdits(spec, world, percent),
    hosts: movesOf(spec, world).map(({ host, cell }) => ({ hostId: host.id, cell })),
  };
}

function basisOf(spec: RouteChangeSpec, world: RouteWorld): Plan["basis"] {
  const rules = world.services.map(({ name }) => ({
    resource: `rules/${name}`,
    version: rulesVersion(world, name),
    label: say("label.rules", { service: name }),
  }));
  const policies = spec.policies.map(({ service }) => ({
    resource: `policy/${service}`,
    version: canonicalJson(world.services.find(({ name }) => name === service)?.policy ?? null),
    label: say("part.policy", { services: [service] }),
  }));
  const hosts = movesOf(spec, world).map(({ host: { id, name, version } }) => ({
    resource: `host/${id}`,
    version: String(version),
    label: say("label.host", { host: name }),
  }));
  if (spec.cells.length + hosts.length === 0) return [...rules, ...policies];
  return [...rules, ...policies, ...hosts, basisOfCells(world.cells)];
}

/** Moves with every alteration of a service's rules. */
const rulesVersion = ({ rules }: Pick<RouteWorld, "rules">, service: string): string =>
  rules
    .filter(({ definition }) => definition.service === service)
    .map(({ definition, version }) => `${definition.name} ${version}`)
    .sort()
    .join(", ");

/** The rules of each service, the cells, and a host that moves, are one change's at a time: nothing is released to it meanwhile. */
export function locksOfRouteChange(spec: RouteChangeSpec, world: RouteWorld): LockRequest[] {
  const { workspace, services } = world;
  const hosts = movesOf(spec, world).map(({ host }) => ({
    resource: `host/${host.id}`,
    mode: "exclusive" as const,
    label: say("label.host", { host: host.name }),
  }));
  const rules = services.map(({ name }) => ({
    resource: rulesLock(workspace.id, name),
    mode: "exclusive" as const,
    label: say("label.rules", { service: name }),
  }));
  const cells = {
    resource: cellsLock(workspace.id),
    mode: "exclusive" as const,
    label: say("label.cells", { workspace: workspace.name }),
  };
  const isOfCells = spec.cells.length + hosts.length > 0 || spec.userKey !== undefined;
  return isOfCells ? [...rules, cells, ...hosts] : rules;
}
