import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { TargetTraffic } from "@evenkeel/contracts/change-state";
import type { BaseClusterId } from "@evenkeel/contracts/id";
import type { BaseRow } from "../../base-cluster/index.ts";
import type { UpstreamState } from "../../route/index.ts";
import { moduleStep } from "./steps.ts";
import type { PlacementWorld } from "./world.ts";

const MINUTE_MS = 60_000;
/** Requests that came before it left the routes get this long, and are cut then. */
const DRAIN_MS = 30_000;
/** A module drains for an hour at most. */
const CLEAR_MS = 65 * MINUTE_MS;

export interface Move {
  readonly to: BaseClusterId | null;
  /** The buffer that lends it. */
  readonly cameFrom: BaseClusterId | null;
}

interface Moving {
  readonly base: BaseRow;
  readonly move: Move;
  readonly modules: readonly PlannedStep[];
}

/** Out of the routes, empty, another cluster's, with its modules, and back into the routes: always the same process. */
export function moveSteps(world: PlacementWorld, { base, move, modules }: Moving): PlannedStep[] {
  const { serviceId } = base;
  const to = world.clusters.find(({ id }) => id === move.to);
  const { rules = [], businesses = [] } = to ?? {};
  const split = rules.length + businesses.length === 0 ? [] : [splitStep(base, { rules, businesses })];
  return asideSteps(world, base, [
    moduleStep(["clear-base", "clear-base"], { base: serviceId }, CLEAR_MS),
    onControl("assign-base", { baseId: base.id, clusterId: move.to, cameFrom: move.cameFrom }, null),
    ...modules,
    ...split,
  ]);
}

/** These steps while no request comes to the base, where it serves. */
export function asideSteps(world: PlacementWorld, base: BaseRow, steps: readonly PlannedStep[]): PlannedStep[] {
  const serving = (world.upstreams.get(base.serviceId) ?? []).find(
    ({ hostId, state, weight }) => hostId === base.hostId && state === "attached" && weight > 0,
  );
  return serving === undefined ? [...steps] : [...leave(serving), ...steps, ...comeBack(serving)];
}

/** Gives a base the rules of its cluster. */
export function splitStep(
  { serviceId }: BaseRow,
  given: { readonly rules: unknown; readonly businesses: unknown },
): PlannedStep {
  return moduleStep(["split-base", "split-base"], { base: serviceId, ...given });
}

function onControl(type: string, input: PlannedStep["input"], traffic: PlannedStep["traffic"]): PlannedStep {
  return { name: type, on: "control", type, input, timeoutMs: MINUTE_MS, repeatable: true, retryFrom: null, traffic };
}

const moves = (during: TargetTraffic, after: TargetTraffic) => ({ during, after });

function leave({ serviceId, hostId, letter }: UpstreamState): PlannedStep[] {
  const which = { serviceId, hostId, letters: [letter] };
  const drained = onControl(
    "await-drained",
    { ...which, drainMs: DRAIN_MS, policy: "cut" },
    moves("draining", "detached"),
  );
  return [
    onControl("detach", which, moves("draining", "draining")),
    { ...drained, timeoutMs: 2 * DRAIN_MS + MINUTE_MS },
  ];
}

/** What runs there gets its requests again; `waits`: until it is well. */
export const reattachStep = ({ serviceId, hostId }: BaseRow, how: { readonly waits: boolean }): PlannedStep =>
  onControl("re-attach", { serviceId, hostId, ...how }, moves("attaching", "attached"));

function comeBack(upstream: UpstreamState): PlannedStep[] {
  const { serviceId, hostId, letter, revisionId, version, zone, address, port } = upstream;
  const input = { serviceId, hostId, letter, revisionId, version, zone, address, port };
  return [
    onControl("introduce", input, moves("attaching", "detached")),
    { ...onControl("shift-traffic", { ...input, drain: [] }, moves("attaching", "attached")), gated: true },
  ];
}
