import type { PlacedVersion } from "@evenkeel/contracts/base-cluster";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { LockRequest, Plan, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal } from "@evenkeel/contracts/error";
import type { BaseClusterId } from "@evenkeel/contracts/id";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import { say } from "@evenkeel/contracts/phrase";
import type { BaseRow } from "../../base-cluster/index.ts";
import { asideSteps, type Move, moveSteps, reattachStep } from "./move.ts";
import { asPlaced, moduleStep, standing, stepsTo, type Wishes } from "./steps.ts";
import { answers, type PlacementWorld } from "./world.ts";

/** Time that bringing bundles may take. */
export const FETCH_MS = 30 * 60_000;

/** What is to become of one base. */
export interface BaseAim {
  readonly base: BaseRow;
  readonly wishes: Wishes;
  /** It changes cluster: everything that it holds goes, and the wishes are all that it gets. */
  readonly move?: Move;
  /** It gives up what others go on answering for: no request may come meanwhile. */
  readonly aside?: boolean;
  /** It is to take requests again, where a change on its way has left it without. */
  readonly back?: boolean;
}

/** What stood on a base before, kept for the way back. */
export interface Before {
  readonly base: string;
  readonly cluster: string | null;
  readonly cameFrom: BaseClusterId | null;
  readonly attached: boolean;
  readonly modules: readonly { readonly name: string; readonly versions: readonly PlacedVersion[] }[];
}

/** The base as a target; null = it is so already. */
export function planBase(
  world: PlacementWorld,
  aim: BaseAim,
  more: readonly PlannedStep[],
): PlannedTarget | Refusal | null {
  const { base, wishes, move, aside = false } = aim;
  const made = stepsTo(world, base, { wishes, empty: move !== undefined });
  if (isRefusal(made)) return made;
  const modules = [...made.steps, ...more];
  const isAttached = attached(world, base);
  const again = comingBack(world, aim);
  if (move === undefined && modules.length + again.length === 0) return null;
  const stay = aside ? asideSteps(world, base, modules) : modules;
  const steps = move === undefined ? stay : moveSteps(world, { base, move, modules });
  const before: Before = { ...beforeOf(aim), cameFrom: base.cameFrom, attached: isAttached };
  const isLeaving = isAttached && (move !== undefined || aside);
  return {
    ...{ targetId: base.name, name: base.name, hostId: base.hostId, hostName: base.host },
    ...{ zone: base.zone, cell: base.cell, labels: { ...base.labels }, slot: base.serviceId, online: answers(base) },
    ...(move === undefined && wishes.size === 0
      ? { from: null, to: null }
      : { from: shown(before.modules), to: shown([...wishes].map(([name, versions]) => ({ name, versions }))) }),
    stage: fetchSteps(made.bundles),
    steps: [...steps, ...again],
    clean: [],
    reattach: isLeaving ? [reattachStep(base, { waits: false })] : [],
    facts: { before, ...(isLeaving && { traffic: "attached" }) },
  };
}

/** Where it was left without requests, though it is to take them. */
const comingBack = (world: PlacementWorld, { base, back = false }: BaseAim): PlannedStep[] =>
  back && !attached(world, base) ? [reattachStep(base, { waits: true })] : [];

/** Whether the gateways send it requests. */
const attached = ({ upstreams }: PlacementWorld, { serviceId, hostId }: BaseRow): boolean =>
  (upstreams.get(serviceId) ?? []).some((one) => one.hostId === hostId && one.state === "attached" && one.weight > 0);

function beforeOf({ base, wishes, move }: BaseAim): Omit<Before, "cameFrom" | "attached"> {
  const held = (base.report?.modules ?? []).map(({ name }) => name);
  const names = [...new Set(move === undefined ? wishes.keys() : [...held, ...wishes.keys()])];
  const modules = names.map((name) => ({ name, versions: asPlaced(standing(base, name)) }));
  return { base: base.id, cluster: base.cluster, modules };
}

const shown = (modules: Before["modules"]): string =>
  modules
    .flatMap(({ name, versions }) => (versions.length === 0 ? [] : [`${name} ${versions.map(inWords).join(" + ")}`]))
    .join(", ") || say("value.nothing");

const inWords = ({ version, active, published }: PlacedVersion): string =>
  !active ? `${version} (inactive)` : published === null ? `${version} (unpublished)` : version;

function fetchSteps(bundles: readonly ModuleBundle[]): PlannedStep[] {
  if (bundles.length === 0) return [];
  const objects = bundles.map(({ digest, sizeBytes }) => ({ digest, sizeBytes }));
  return [moduleStep(["fetch-modules", "fetch-package"], { objects }, FETCH_MS)];
}

/** What must not have moved before the start: the modules that are spoken of, where they stand, and where the base belongs. */
export function basisOf(aims: readonly BaseAim[]): Plan["basis"] {
  return aims.map((aim) => {
    const { base } = aim;
    const { modules } = beforeOf(aim);
    const version = canonicalJson([base.clusterId, modules, base.report === null]);
    const label = say("field.modules", { base: base.name });
    const place = base.cluster ?? say("value.no-cluster");
    return {
      ...{ resource: `base/${base.id}`, version, label },
      shown: modules.length === 0 ? place : `${place}: ${shown(modules)}`,
    };
  });
}

/** A base stays what it is under a change of its modules, and so do its process and its host. */
export function baseLocks(
  { workspace }: PlacementWorld,
  bases: readonly BaseRow[],
  mode: "shared" | "exclusive",
): LockRequest[] {
  const services = new Set(bases.map(({ service }) => service));
  const hosts = new Map(bases.map(({ hostId, host }) => [hostId, host]));
  return [
    ...bases.map(
      ({ id, name }): LockRequest => ({ resource: `base/${id}`, mode, label: say("label.base", { base: name }) }),
    ),
    ...[...services].map((service): LockRequest => {
      const resource = `service/${workspace.id}/${service}/revision`;
      return { resource, mode: "shared", label: say("label.service", { service }) };
    }),
    ...[...hosts].map(
      ([id, host]): LockRequest => ({ resource: `host/${id}`, mode: "shared", label: say("label.host", { host }) }),
    ),
  ];
}

/** A module in a cluster: one change at a time. */
export function moduleLock(
  cluster: { readonly id: BaseClusterId; readonly name: string },
  module: string,
  mode: "shared" | "exclusive",
): LockRequest {
  return {
    resource: `module/${cluster.id}/${module}`,
    mode,
    label: say("label.module", { module, cluster: cluster.name }),
  };
}

/** Rules and businesses of a cluster: each order gives them as a whole. */
export const splitLock = ({ id, name }: { readonly id: string; readonly name: string }): LockRequest => ({
  ...{ resource: `base-cluster/${id}/split`, mode: "exclusive", label: say("label.rules", { service: name }) },
});
