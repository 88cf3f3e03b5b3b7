import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { type Release, serviceOf } from "@evenkeel/contracts/release-order";
import type { Strategy } from "@evenkeel/contracts/strategy";
import type { Gray, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { planBatches } from "../change/plan/index.ts";
import type { PlannedRevision } from "../slot/plan/index.ts";
import { refuseRules, setRules } from "../traffic-rule/plan/index.ts";
import { trialName } from "./blue-green/index.ts";
import type { ServicePlan } from "./service-plan.ts";
import { type Part, serviceIdOf, type World } from "./world.ts";

/** Behind the rules of people, who may send whom they like wherever they like while a release goes on. */
const PRIORITY = 9000;
/** So long are names. */
const LONGEST = 60;

/** Names of the rules by which a service's releases move users. */
function namesOf({ service, fresh }: World, name: string): { readonly share: string; readonly content: string } {
  const id = (service?.id ?? fresh.serviceId).slice(4);
  const base = `gray-${name}`.length + "-match".length <= LONGEST ? `gray-${name}` : `gray-${id}`;
  return { share: base, content: `${base}-match` };
}

/** Rules that a release left, which another one takes away. */
function leftOver(release: Release, world: World): SetTrafficRule["name"][] {
  const { share, content } = namesOf(world, serviceOf(release));
  const trial = trialName(world, serviceOf(release));
  return world.rules.map(({ name }) => name).filter((name) => [share, content, trial as string].includes(name));
}

/** Whether a release alters rules: it moves users by steps, or clears up behind one that did. */
export const touchesRules = (release: Release, world: World): boolean =>
  (release.gray !== undefined && world.service !== null) || leftOver(release, world).length > 0;

/** The plan of a service with the steps by which its users move; without any, as it is. */
export function withGray(part: Part, plan: ServicePlan): ServicePlan | Refusal {
  const { release, world } = part;
  const left = leftOver(release, world);
  const to = plan.revision;
  if (release.gray === undefined || "restore" in release || to === null) {
    return left.length === 0 ? plan : clearing(part, plan, left);
  }
  const from = versionsOf(world);
  if (from.length === 0) {
    const text = say("warning.nobody-to-move", { service: serviceOf(release) });
    return { ...plan, warnings: [...plan.warnings, text] };
  }
  const problem = problemOf(part, to, from);
  if (problem !== null) return refuse("STRATEGY_UNFIT", { problem: `gray: ${problem}` });
  const refusal = refuseBeside(part, release.gray, to);
  return isRefusal(refusal) ? refusal : staged(part, plan, { gray: release.gray, to });
}

/** The versions that take requests now. */
const versionsOf = ({ upstreams }: World): string[] => [
  ...new Set(upstreams.filter(({ state, weight }) => state === "attached" && weight > 0).map(({ version }) => version)),
];

function problemOf({ release, world }: Part, to: PlannedRevision, from: readonly string[]): string | null {
  if (release.parallel !== undefined) return say("why.shares-whole");
  if (to.configuration.routes.length === 0) return say("why.no-route");
  if (from.includes(to.packageVersion)) return say("why.takes-requests", { version: to.packageVersion });
  const beta = typeof release.strategy.beta === "number" ? [] : release.strategy.beta;
  const unknown = beta.find((name) => !world.hosts.some((host) => host.name === name));
  return unknown === undefined ? null : `beta: ${say("why.beta-unknown", { host: unknown })}`;
}

/** Rules of people stay, and must leave room. */
function refuseBeside({ release, world }: Part, gray: Gray, to: PlannedRevision): Refusal | null {
  const own = rulesOf({ release, world, gray, to }, 0);
  const names = new Set(own.map(({ name }) => name as string));
  const others = world.rules.filter(({ name }) => !names.has(name));
  const versions = new Set([to.packageVersion, ...versionsOf(world)]);
  return refuseRules([...others, ...own], names, {
    versions,
    cells: new Set(),
    hosts: new Set(),
    baseClusters: new Set(),
  });
}

const basisOfRules = ({ rules }: World, service: string): ServicePlan["basis"][number] => ({
  resource: `rules/${service}`,
  version: canonicalJson(rules),
  label: say("label.rules", { service }),
});

interface Moving {
  readonly release: Release;
  readonly world: World;
  readonly gray: Gray;
  readonly to: PlannedRevision;
}

/** So much for the new version; who fits by content gets it in any case. */
function rulesOf({ release, world, gray, to }: Moving, percent: number): SetTrafficRule[] {
  const { share, content } = namesOf(world, serviceOf(release));
  const version = to.packageVersion;
  const lane = gray.lane === undefined ? {} : { lane: gray.lane };
  const common = { service: serviceOf(release), reason: `release of ${version}` };
  const send = { key: gray.key, fallback: "all" as const };
  return [
    ...(gray.match.length === 0
      ? []
      : [
          {
            ...{ ...common, name: content, priority: PRIORITY - 1, match: gray.match },
            send: { ...send, to: [{ to: { version }, percent: 100, ...lane }] },
          },
        ]),
    {
      ...{ ...common, name: share, priority: PRIORITY, match: [] },
      send: {
        ...send,
        to: [
          { to: { version }, percent, ...lane },
          { to: { notVersion: version }, percent: 100 - percent },
        ],
      },
    },
  ];
}

// ── the way there ─────────────────────────────────────────────────────────────

type Group = ServicePlan["groups"][number];

function staged(part: Part, plan: ServicePlan, { gray, to }: Pick<Moving, "gray" | "to">): ServicePlan {
  const { release, world, alone } = part;
  const service = serviceOf(release);
  const moving: Moving = { release, world, gray, to };
  const ordered = inOrder(plan.targets, release.strategy);
  const stages = stagesOf(ordered, gray);
  const shares = stages.flatMap(({ hosts, steps }) =>
    steps.map((percent) => shareTarget(moving, { percent, hosts: ordered.slice(0, hosts), all: ordered })),
  );
  const { share, content } = namesOf(world, service);
  const put = rulesOf(moving, 0).map((definition) => ({ serviceId: serviceIdOf(world), definition }));
  const remove = leftOver(release, world).filter((name) => !put.some(({ definition }) => definition.name === name));
  const named = (name: string) => (alone ? name : `${name} ${service}`);
  const end = setRules({ remove: gray.match.length === 0 ? [share] : [share, content] }, named("end-gray"));
  return {
    ...plan,
    basis: [...plan.basis, basisOfRules(world, service)],
    opening: [...plan.opening, setRules({ put, remove }, named("begin-gray"))],
    // Side by side with the new version the service stays what it was.
    closing: gray.stay ? [] : [end, ...plan.closing],
    groups: groupsOf({ service, strategy: release.strategy }, ordered, stages),
    targets: [...ordered.slice(0, stages.at(-1)?.hosts), ...shares],
  };
}

/** The targets in the order in which the strategy takes them, beta first. */
function inOrder(targets: readonly PlannedTarget[], strategy: Strategy): PlannedTarget[] {
  const byId = new Map(targets.map((target) => [target.targetId, target]));
  const chosen = targets.filter(({ zone }) => strategy.zone === undefined || zone === strategy.zone);
  return planBatches(chosen, strategy, "").flatMap(({ targetIds }) => targetIds.flatMap((id) => byId.get(id) ?? []));
}

interface Stage {
  /** So many hosts in all have the new version when the shares of this stage come. */
  readonly hosts: number;
  readonly steps: readonly number[];
}

/** Of each share so many hosts as it asks for, rounded up; the rest comes at the end, or stays. */
function stagesOf(ordered: readonly PlannedTarget[], { steps, stay }: Gray): Stage[] {
  const all = ordered.length;
  const byHosts = Map.groupBy(steps, (step) => Math.min(all, Math.max(1, Math.ceil((step * all) / 100))));
  const stages = [...byHosts].map(([hosts, its]) => ({ hosts, steps: its }));
  return stay || stages.at(-1)?.hosts === all ? stages : [...stages, { hosts: all, steps: [] }];
}

function shareTarget(
  moving: Moving,
  { percent, hosts, all }: { percent: number; hosts: readonly PlannedTarget[]; all: readonly PlannedTarget[] },
): PlannedTarget {
  const { release, world } = moving;
  const name = shareName(serviceOf(release), percent);
  const put = rulesOf(moving, percent).map((definition) => ({ serviceId: serviceIdOf(world), definition }));
  return {
    ...{ targetId: name, name, hostId: null, zone: "", cell: null, slot: null, online: true, from: null, to: null },
    ...{ stage: [], clean: [], reattach: [], facts: {} },
    steps: [setRules({ put }, "move-users")],
    watched: all.flatMap(({ hostId, slot, hostName, name: target, from }) =>
      hostId === null || slot === null
        ? []
        : [
            {
              name: hostName ?? target,
              hostId,
              serviceId: slot,
              from,
              gains: hosts.some((one) => one.hostId === hostId),
            },
          ],
    ),
  };
}

const shareName = (service: string, percent: number): string => `${service} ${percent} %`;

/** Hosts, then the shares that they carry, then the next hosts. */
function groupsOf(
  { service, strategy }: { readonly service: string; readonly strategy: Strategy },
  ordered: readonly PlannedTarget[],
  stages: readonly Stage[],
): Group[] {
  const groups: Group[] = [];
  // What was put in order above stays so; there is no smaller batch within the first hosts, and shares stand in no zone.
  const { zone: _, ...rest } = strategy;
  const add = (name: string, targets: readonly Batched[], batches: Strategy["batches"]) => {
    const last = groups.at(-1);
    if (targets.length === 0) return;
    const own: Strategy = { ...rest, beta: 0, order: [], batches };
    const count = planBatches(targets, { ...own, confirm: "none" }, "").length;
    const confirm = confirmIn(strategy, { group: groups.length, count });
    const targetIds = targets.map(({ targetId }) => targetId);
    groups.push({
      groupId: name,
      name,
      after: last === undefined ? [] : [last.groupId],
      strategy: { ...own, confirm },
      targetIds,
    });
  };
  let done = 0;
  for (const [index, { hosts, steps }] of stages.entries()) {
    add(index === 0 ? service : `${service} ${index + 1}`, ordered.slice(done, hosts), strategy.batches);
    add(
      say("group.users", { service, steps: steps.map(String) }),
      steps.map((percent) => batched(shareName(service, percent))),
      "each",
    );
    done = hosts;
  }
  return groups;
}

type Batched = Pick<PlannedTarget, "targetId" | "name" | "zone" | "cell">;
const batched = (name: string): Batched => ({ targetId: name, name, zone: "", cell: null });

/** What stands before a second batch stands before the first of a later group, too. */
function confirmIn(
  { confirm, gate }: Strategy,
  { group, count }: { readonly group: number; readonly count: number },
): Strategy["confirm"] {
  if (group === 0 || gate === "traffic") return confirm;
  if (confirm === "first") return group === 1 ? [1] : "none";
  return confirm === "each" ? Array.from({ length: count }, (_, index) => index + 1) : confirm;
}

// ── the way back, and what was left ───────────────────────────────────────────

/** Users go back to what stood there before, at once where it can carry them; in the end no rule is left. */
function clearing(
  { release, world, alone }: Part,
  plan: ServicePlan,
  left: readonly SetTrafficRule["name"][],
): ServicePlan {
  const service = serviceOf(release);
  const { share } = namesOf(world, service);
  const named = (name: string) => (alone ? name : `${name} ${service}`);
  const back = "restore" in release ? backAtOnce(world, share) : null;
  const isTrial = left.every((name) => name === trialName(world, service));
  const serviceId = serviceIdOf(world);
  const first: PlannedStep =
    back === null
      ? setRules({ remove: left }, named(isTrial ? "end-trial" : "end-gray"))
      : setRules(
          { put: [{ serviceId, definition: back }], remove: left.filter((name) => name !== share) },
          named("users-back"),
        );
  return {
    ...plan,
    basis: [...plan.basis, basisOfRules(world, service)],
    opening: [...plan.opening, first],
    closing: [...(back === null ? [] : [setRules({ remove: left }, named("end-gray"))]), ...plan.closing],
  };
}

/** The rule with nobody for the new version; null where fewer than half of the instances are left to carry them. */
function backAtOnce({ rules, upstreams }: World, share: string): SetTrafficRule | null {
  const rule = rules.find(({ name }) => name === share);
  const [first, second] = rule?.send?.to ?? [];
  if (rule?.send === undefined || first === undefined || second === undefined) return null;
  const carrying = upstreams.filter(({ state, weight, healthy }) => state === "attached" && weight > 0 && healthy);
  const old = carrying.filter(({ version }) => version !== first.to.version);
  if (old.length * 2 < carrying.length) return null;
  return {
    ...rule,
    send: {
      ...rule.send,
      to: [
        { ...first, percent: 0 },
        { ...second, percent: 100 },
      ],
    },
  };
}
