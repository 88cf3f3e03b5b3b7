import type { PlacedVersion } from "@evenkeel/contracts/base-cluster";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { LockRequest, Plan, PlannedStep } from "@evenkeel/contracts/change-plan";
import { CONVERGENCE, type ConvergenceSpec } from "@evenkeel/contracts/convergence";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { say } from "@evenkeel/contracts/phrase";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { BaseRow, ClusterRow } from "../../base-cluster/index.ts";
import type { Draft } from "../../change/index.ts";
import {
  answers,
  baseLocks,
  draftOf,
  type PlacementWorld,
  splitStep,
  type Wishes,
} from "../../placement/plan/index.ts";

type WhichBase = Pick<ConvergenceSpec, "service" | "host">;

/** What the plan keeps: which sort of convergence it is. */
const PAYLOAD = { of: "modules" } as const;

/** Whether a change was about modules of bases, and not about what runs in their slots. */
export function isOfModules({ kind, payload }: Pick<Plan, "kind" | "payload">): boolean {
  if (kind === CONVERGENCE) return canonicalJson(payload ?? null) === canonicalJson(PAYLOAD);
  return kind === MODULE_RELEASE || kind === MODULE_OPERATION;
}

export function baseNamed({ bases }: PlacementWorld, { service, host }: WhichBase): BaseRow | null {
  return bases.find((base) => base.service === service && base.host === host) ?? null;
}

/** Spec + world → the plan by which one base gets what its cluster wants of it; what others than orders have brought stays. */
export function planModules(spec: WhichBase, world: PlacementWorld): Draft | Refusal {
  const base = baseNamed(world, spec);
  if (base === null) return refuse("NOT_FOUND", { resource: `base ${spec.service}@${spec.host}` });
  if (!answers(base)) return refuse("BASES_OFFLINE", { count: 1 });
  const cluster = world.clusters.find(({ id }) => id === base.clusterId) ?? null;
  const title =
    cluster == null
      ? say("title.converge-free-base", { base: base.name })
      : say("title.converge-base", { base: base.name, cluster: cluster.name });
  const draft = draftOf(world, {
    ...{ title, group: base.name, strategy: Strategy.parse({}), closing: [], warnings: [], payload: PAYLOAD },
    aims: [{ base, wishes: wishesOf(world, base) }],
    more: () => splitting(base, cluster),
  });
  if (isRefusal(draft)) return draft;
  const wanted = { resource: `base-cluster/${cluster?.id}`, version: String(cluster?.version ?? 0) };
  return {
    ...draft,
    basis: [...draft.basis, { ...wanted, label: say("label.wanted-by", { cluster: cluster?.name ?? "nobody" }) }],
    irreversible: say("inverse.converged-base"),
  };
}

/** It waits for whoever works on the base, and has it alone. */
export function locksOfModules(spec: WhichBase, world: PlacementWorld): LockRequest[] {
  const base = baseNamed(world, spec);
  return base === null ? [] : baseLocks(world, [base], "exclusive");
}

/** What is placed there; and of what an order has brought and nothing wants any more, no version. */
function wishesOf({ placements }: PlacementWorld, { id, clusterId, report }: BaseRow): Wishes {
  const ofCluster = clusterId === null ? [] : (placements.get(clusterId) ?? []);
  const here = ofCluster.filter(({ bases }) => bases === "all" || bases.includes(id));
  const brought = (report?.modules ?? []).filter(({ origin }) => origin === "order");
  const wishes = new Map<string, readonly PlacedVersion[]>(brought.map(({ name }) => [name, []]));
  for (const { module, versions } of here) wishes.set(module, versions);
  return wishes;
}

/** Where it goes by other rules than its cluster does. */
function splitting(base: BaseRow, cluster: ClusterRow | null): PlannedStep[] {
  const { rules = [], businesses = [] } = cluster ?? {};
  const has = { rules: base.report?.rules ?? [], businesses: base.report?.businesses ?? [] };
  return canonicalJson(has) === canonicalJson({ rules, businesses }) ? [] : [splitStep(base, { rules, businesses })];
}
