import { errorTitle, isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { movedSince } from "../plan.ts";
import { insertTracks, moveChange } from "../store/change.ts";
import { takeLocks } from "../store/lock.ts";
import type { ChangeRow } from "../store/snapshot.ts";

export type Beginning =
  | { readonly kind: "running" }
  /** Nothing was taken; time frees it. */
  | { readonly kind: "waits"; readonly refusal: Refusal }
  /** Locks may have been taken: the caller undoes the transaction or gives them back. */
  | { readonly kind: "moved"; readonly refusal: Refusal };

export interface BeginRequest {
  readonly change: ChangeRow;
  readonly by: string;
  /** What keeps its window shut; null = it is open. */
  readonly shut: Refusal | null;
}

/** Compares the plan's basis with the world and takes the locks, in one transaction with the start. */
export async function begin(
  deps: ChangeDeps,
  tx: Transaction<Database>,
  { change, by, shut }: BeginRequest,
): Promise<Beginning> {
  if (shut !== null) return { kind: "waits", refusal: shut };
  // Locks first: then nothing that the basis names can move under our eyes.
  const conflict = await takeLocks(tx, {
    changeId: change.id,
    tenantId: change.tenant_id,
    locks: change.plan.locks,
  });
  if (conflict !== null) {
    const refusal = refuse("LOCK_HELD", {
      resource: conflict.label,
      holder: conflict.holder,
      since: conflict.since,
      why: conflict.title,
    });
    return { kind: "waits", refusal };
  }
  const moved = await basisProblem(deps, tx, change);
  if (moved !== null) return { kind: "moved", refusal: moved };
  await insertTracks(tx, change.id, change.plan);
  // What kept it from beginning is no problem any more.
  await moveChange(tx, change, { to: "running", by, problem: null, begins: true });
  return { kind: "running" };
}

/** What a change waits for that cannot begin yet, in words. */
export const waitWords = ({ refused, facts }: Refusal): string => errorTitle(refused, facts);

async function basisProblem(deps: ChangeDeps, tx: Transaction<Database>, change: ChangeRow): Promise<Refusal | null> {
  const kind = deps.registry.kinds.get(change.kind);
  if (kind === undefined) return refuse("KIND_UNKNOWN", { kind: change.kind });
  const world = await kind.read(kind.parse(change.spec), tx, { tenantId: change.tenant_id });
  const now = kind.plan(kind.parse(change.spec), world);
  if (isRefusal(now)) return now;
  const moved = movedSince(change.plan, now.basis);
  return moved.length === 0 ? null : refuse("PLAN_BASIS_MOVED", { moved });
}
