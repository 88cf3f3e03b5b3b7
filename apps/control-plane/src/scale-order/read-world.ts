import type { TenantId } from "@evenkeel/contracts/id";
import type { ScaleOrderSpec } from "@evenkeel/contracts/scale-order";
import type { Transaction } from "kysely";
import { batchFor, holderOf } from "../change/index.ts";
import type { Database } from "../database.ts";
import { readSlots } from "../slot/index.ts";
import { lockNames, type SlotWorld } from "../slot/plan/index.ts";
import type { ScaleWorld, UnderWay } from "./world.ts";

/** The slots of a service, and the change that is under way beside. */
export async function readScale(
  spec: ScaleOrderSpec,
  tx: Transaction<Database>,
  tenantId: TenantId,
): Promise<ScaleWorld> {
  const slots = await readSlots(tx, { tenantId, ...spec });
  return { ...slots, underWay: await underWayOf(spec, tx, slots) };
}

async function underWayOf(spec: ScaleOrderSpec, tx: Transaction<Database>, world: SlotWorld): Promise<UnderWay | null> {
  const holder = await holderOf(tx, lockNames(world, spec.service).revision);
  if (holder === null) return null;
  const { changeId, plan, batches } = holder;
  const places = world.hosts
    .filter(({ name }) => spec.add.includes(name))
    .flatMap(({ name, zone, cell, labels }): [string, { batch: string; arrived: boolean }][] => {
      const added = { targetId: name, name, hostName: name, zone, cell, labels };
      const batch = batchFor(plan, added, ({ slot }) => slot === world.service?.id);
      if (batch === null) return [];
      return [[name, { batch: batch.name, arrived: batches.get(batch.batchId) === "succeeded" }]];
    });
  return { changeId, plan, places: new Map(places) };
}
