import { asError, isRefusal, type PlatformError } from "@evenkeel/contracts/error";
import type { Transaction } from "kysely";
import { readLoad } from "../base-window/index.ts";
import type { Database } from "../database.ts";
import { readPlacement } from "../placement/index.ts";
import { basesIn, clusterNamed, placementOf } from "../placement/plan/index.ts";
import { type Situation, STEP_SECONDS, stepsOf } from "./plan.ts";
import type { DueRule } from "./store.ts";

/** What a rule decides on; `refusal`: what it names is not there. */
export async function readSituation(
  tx: Transaction<Database>,
  { tenantId, definition, underWay, sinceScaledSeconds }: DueRule,
): Promise<{ readonly situation: Situation; readonly refusal: PlatformError | null }> {
  const { workspace, cluster: name, module, metric } = definition;
  const nothing: Situation = { holders: 0, steps: [], underWay, sinceScaledSeconds };
  const world = await readPlacement(tx, { tenantId, workspace, modules: [], moving: () => false });
  const cluster = clusterNamed(world, name);
  if (isRefusal(cluster)) return { situation: nothing, refusal: asError(cluster) };
  const placement = placementOf(world, cluster, module);
  if (placement === null) return { situation: nothing, refusal: null };
  const { bases } = placement;
  const holders = basesIn(world, cluster).filter(({ id }) => bases === "all" || bases.includes(id));
  const baseIds = holders.map(({ id }) => id);
  const span = { stepSeconds: STEP_SECONDS, steps: stepsOf(definition) };
  const steps = await readLoad(tx, { tenantId, baseIds, module, metric, ...span });
  return { situation: { ...nothing, holders: holders.length, steps }, refusal: null };
}
