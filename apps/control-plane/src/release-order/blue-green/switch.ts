import type { BlueGreen } from "@evenkeel/contracts/blue-green";
import type { PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { Strategy } from "@evenkeel/contracts/strategy";
import type { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { Draft } from "../../change/index.ts";
import { type CellWeight, refuseRules, setRules, weightsBetween } from "../../traffic-rule/plan/index.ts";
import type { ServicePlan } from "../service-plan.ts";
import { type OrderWorld, type Part, serviceIdOf } from "../world.ts";
import type { CellPair } from "./pair.ts";
import { trialName } from "./trial-name.ts";

/** Before the rules of gray releases, behind those of people. */
const PRIORITY = 8998;

/** A release into the idle cell whose users are to follow. */
export interface Switching {
  readonly blueGreen: BlueGreen;
  readonly pair: CellPair;
  /** Of each service, in one order. */
  readonly parts: readonly Part[];
  readonly services: readonly ServicePlan[];
  readonly world: OrderWorld;
}

type Group = Draft["groups"][number];
type Moves = Pick<Draft, "groups" | "targets">;

/** Behind the hosts: the trial, the users by steps, and the time for which the other cell is kept. */
export function switchUsers(hosts: Moves, switching: Switching): Moves {
  const strategy = switching.parts[0]?.release.strategy as Strategy;
  const inFront = new Set(hosts.groups.flatMap(({ after }) => after));
  const groups: Group[] = hosts.groups.map((group) => ({ ...group, strategy: withoutFirst(group.strategy) }));
  const stages = stagesOf(switching, strategy);
  let after = groups.map(({ groupId }) => groupId).filter((id) => !inFront.has(id));
  for (const { name, targets, ...pace } of stages) {
    const targetIds = targets.map(({ targetId }) => targetId);
    // Hosts may be lost as the strategy says; a step by which users move may not.
    const budget = { ...strategy.budget, failures: 0 };
    const own = { ...strategy, budget, beta: 0, order: [], batches: "each" as const, ...pace };
    groups.push({ groupId: name, name, after, targetIds, strategy: own });
    after = [name];
  }
  return { groups, targets: [...hosts.targets, ...stages.flatMap(({ targets }) => targets)] };
}

interface Stage extends Pick<Strategy, "confirm" | "bakeSeconds"> {
  readonly name: string;
  readonly targets: readonly PlannedTarget[];
}

function stagesOf(switching: Switching, { confirm, bakeSeconds }: Strategy): Stage[] {
  const { blueGreen, pair } = switching;
  const trial = trialTarget(switching);
  const shares = blueGreen.steps.map((percent) => shareTarget(switching, percent));
  const onTheWay = shares.slice(0, -1);
  const stages = [
    {
      name: say("place.trial", { cell: pair.idle.name }),
      targets: trial === null ? [] : [trial],
      first: false,
      bakeSeconds,
    },
    { name: say("batch.switch", { cell: pair.idle.name }), targets: onTheWay, first: true, bakeSeconds },
    {
      ...{ name: say("batch.keep", { cell: pair.live.name }), targets: shares.slice(-1), first: onTheWay.length === 0 },
      bakeSeconds: Math.max(bakeSeconds, blueGreen.keepOldSeconds),
    },
  ];
  return stages
    .filter(({ targets }) => targets.length > 0)
    .map(({ first, ...stage }) => ({ ...stage, confirm: confirmIn(confirm, { first, count: stage.targets.length }) }));
}

/** What stands before a second batch stands before the first of a later group, too. */
function confirmIn(
  confirm: Strategy["confirm"],
  { first, count }: { readonly first: boolean; readonly count: number },
): Strategy["confirm"] {
  if (confirm === "each") return Array.from({ length: count }, (_, index) => index + 1);
  if (confirm === "first") return first ? [1] : "none";
  return confirm;
}

/** The first confirmation stands before users move: hosts without any can do no harm. */
const withoutFirst = (strategy: Strategy): Strategy =>
  strategy.confirm === "first" ? { ...strategy, confirm: "none" } : strategy;

// ── targets ───────────────────────────────────────────────────────────────────

function trialTarget(switching: Switching): PlannedTarget | null {
  const { trial } = switching.blueGreen;
  if (trial === undefined) return null;
  const writes = {
    put: trialRules(switching),
    cells: trial.percent === 0 ? [] : weightsAt(switching.pair, trial.percent),
  };
  return target(switching, say("place.trial", { cell: switching.pair.idle.name }), setRules(writes, "begin-trial"));
}

function shareTarget(switching: Switching, percent: number): PlannedTarget {
  const { pair } = switching;
  const remove = percent === 100 ? trialRules(switching).map(({ definition }) => definition.name) : [];
  const writes = { cells: weightsAt(pair, percent), remove };
  return target(switching, `${pair.idle.name} ${percent} %`, setRules(writes, "switch-users"));
}

const target = (switching: Switching, name: string, step: PlannedStep): PlannedTarget => ({
  ...{ targetId: name, name, hostId: null, zone: "", cell: null, slot: null, online: true, from: null, to: null },
  ...{ stage: [], clean: [], reattach: [], facts: {} },
  steps: [step],
  watched: watchedBy(switching),
});

/** The instances in the idle cell, which get more, beside those that users leave. */
function watchedBy({ services, parts, pair }: Switching): NonNullable<PlannedTarget["watched"]> {
  return services.flatMap(({ targets }, index) => {
    const world = parts[index]?.world;
    const gaining = targets.flatMap(({ hostId, slot, hostName, name, from }) =>
      hostId === null || slot === null ? [] : [{ name: hostName ?? name, hostId, serviceId: slot, from, gains: true }],
    );
    const losing = (world?.upstreams ?? []).flatMap(({ hostId, serviceId, version, state }) => {
      const host = world?.hosts.find(({ id }) => id === hostId);
      if (host?.cell !== pair.live.name || state !== "attached") return [];
      return [{ name: host.name, hostId, serviceId, from: version, gains: false }];
    });
    return [...gaining, ...losing];
  });
}

// ── weights and rules ─────────────────────────────────────────────────────────

const weightOf = ({ name, weight, away }: CellPair["live"]): CellWeight => ({ cell: name, weight, away });

/** So much of the users in the idle cell, the rest in the other. */
function weightsAt({ live, idle }: CellPair, percent: number): CellWeight[] {
  const to = [
    { ...weightOf(live), weight: 0 },
    { ...weightOf(idle), weight: live.weight },
  ];
  return weightsBetween([weightOf(live), weightOf(idle)], to, percent);
}

/** Who fits gets to the idle cell, in each service that can be reached. */
function trialRules({ blueGreen, services, parts, pair }: Switching) {
  const match = blueGreen.trial?.match ?? [];
  if (match.length === 0) return [];
  return services.flatMap(({ about, revision }, index) => {
    const world = parts[index]?.world;
    if (world === undefined || (revision?.configuration.routes.length ?? 0) === 0) return [];
    const send = { to: [{ to: { cell: pair.idle.name }, percent: 100 }], key: [], fallback: "all" as const };
    const definition: SetTrafficRule = {
      ...{ name: trialName(world, about.service), service: about.service as SetTrafficRule["service"] },
      ...{ priority: PRIORITY, match, send, reason: `release of ${about.version} into ${pair.idle.name}` },
    };
    return [{ serviceId: serviceIdOf(world), definition }];
  });
}

/** Rules of people stay, and must leave room for the trial. */
export function refuseTrial(switching: Switching): Refusal | null {
  const cells = new Set((switching.world.cells ?? []).map(({ name }) => name as string));
  for (const { serviceId, definition } of trialRules(switching)) {
    const rules = switching.parts.find(({ world }) => serviceIdOf(world) === serviceId)?.world.rules ?? [];
    const others = rules.filter(({ name }) => name !== definition.name);
    const known = { versions: new Set<string>(), cells, hosts: new Set<string>(), baseClusters: new Set<string>() };
    const refusal = refuseRules([...others, definition], new Set([definition.name]), known);
    if (isRefusal(refusal)) return refusal;
  }
  return null;
}
