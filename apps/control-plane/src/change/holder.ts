import type { Plan } from "@evenkeel/contracts/change-plan";
import type { BatchState, TargetState } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../database.ts";
import { batchState } from "./batch.ts";
import { exclusiveHolder } from "./store/lock.ts";
import { readRows, snapshotOf } from "./store/snapshot.ts";

/** A change under way, as others may need to know it. */
export interface Holder {
  readonly changeId: ChangeId;
  readonly plan: Plan;
  readonly targets: ReadonlyMap<string, TargetState>;
  readonly batches: ReadonlyMap<string, BatchState>;
}

/** Who holds a resource for itself alone, and how far it has come; null = nobody does. */
export async function holderOf(tx: Transaction<Database>, resource: string): Promise<Holder | null> {
  const change = await exclusiveHolder(tx, resource);
  if (change === null) return null;
  const snapshot = snapshotOf(await readRows(tx, change));
  const states = snapshot.plan.groups.flatMap((group) =>
    group.batches.map((batch): [string, BatchState] => [batch.batchId, batchState(snapshot, group, batch)]),
  );
  return {
    changeId: change.id,
    plan: change.plan,
    targets: new Map([...snapshot.targets].map(([targetId, { state }]) => [targetId, state])),
    batches: new Map(states),
  };
}
