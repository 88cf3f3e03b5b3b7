/**
 * Invariants:
 * 1. The rollback change is born `running` with the locks of the old one handed over, in one transaction: nobody comes between.
 * 2. Its plan is the exact inverse of the targets that were touched, those that are unknown or offline included.
 */
import type { Plan } from "@evenkeel/contracts/change-plan";
import { isRefusal, problemOf, type Refusal } from "@evenkeel/contracts/error";
import { ChangeId, newId } from "@evenkeel/contracts/id";
import type { ChangeDeps } from "../deps.ts";
import type { ChangeKind, RollbackRequest, TouchedTarget } from "../kind.ts";
import { freeze, planDigest } from "../plan.ts";
import { automaticRollback, type RollbackDemand } from "../rollback.ts";
import type { Snapshot } from "../snapshot.ts";
import { insertChange, insertTracks, linkRollback, moveChange, wake } from "../store/change.ts";
import { foresee } from "../store/duration.ts";
import { handLocksOver, takeLocks } from "../store/lock.ts";
import { attemptsOf, factsOf, isTouched } from "../track.ts";
import type { Work } from "./dispatch.ts";

/** The targets that a change has touched, with what is known of them. */
export function touchedTargets(snapshot: Snapshot): TouchedTarget[] {
  return snapshot.plan.targets.flatMap((planned) => {
    const attempts = attemptsOf(snapshot, planned.targetId);
    if (!isTouched(attempts)) return [];
    const state = snapshot.targets.get(planned.targetId)?.state ?? "pending";
    return [{ ...planned, state, currentFacts: factsOf(planned.facts, attempts) }];
  });
}

export interface Inverse {
  readonly kind: ChangeKind;
  readonly spec: unknown;
  readonly plan: Plan;
}

/** The inverse of a change, planned in the world as it is now. */
export async function planInverse(
  deps: ChangeDeps,
  work: Pick<Work, "tx" | "change" | "snapshot">,
  request: RollbackRequest,
): Promise<Inverse | Refusal> {
  const { tx, change, snapshot } = work;
  const kind = deps.registry.kinds.get(change.kind);
  if (kind === undefined) throw new Error(`no kind ${change.kind}`);
  const spec = kind.inverse(snapshot.plan, touchedTargets(snapshot), request);
  if (isRefusal(spec)) return spec;
  const world = await kind.read(spec, tx, { tenantId: change.tenant_id });
  const draft = kind.plan(spec, world);
  if (isRefusal(draft)) return draft;
  const plan = freeze(kind.kind, draft, kind.locks(spec, world));
  return { kind, spec, plan: await foresee(tx, plan, { tenantId: change.tenant_id, back: true }) };
}

/** The old change has nothing in hand any more: its rollback is born. */
export async function beginRollback(deps: ChangeDeps, work: Work): Promise<void> {
  const { tx, change } = work;
  const demand: RollbackDemand = change.rollback_demand ?? automaticRollback("no reason was stored");
  const { speed, strategy, toRevision } = demand;
  const inverse = await planInverse(deps, work, { changeId: change.id, speed, strategy, toRevision });
  if (isRefusal(inverse)) return await giveUp(work, inverse);
  const id = newId(ChangeId, "chg");
  await insertChange(tx, {
    id,
    tenantId: change.tenant_id,
    workspaceId: change.workspace_id,
    kind: inverse.kind.kind,
    spec: inverse.spec,
    plan: inverse.plan,
    digest: planDigest(inverse.plan),
    state: "running",
    reason: demand.reason,
    createdBy: demand.by,
    rollbackOf: change.id,
  });
  await handLocksOver(tx, change.id, id);
  // It goes on with what was begun: what had to be free at a start need not be so now.
  const locks = inverse.plan.locks.filter(({ mode }) => mode !== "at-start");
  const conflict = await takeLocks(tx, { changeId: id, tenantId: change.tenant_id, locks });
  if (conflict !== null)
    throw new Error(`the rollback of ${change.id} needs ${conflict.resource}, held by ${conflict.holder}`);
  await insertTracks(tx, id, inverse.plan);
  await linkRollback(tx, change.id, id);
  await wake(tx, id);
}

async function giveUp({ tx, change }: Work, refusal: Refusal): Promise<void> {
  await moveChange(tx, change, { to: "failed", problem: problemOf(refusal.refused, refusal.facts) });
}
