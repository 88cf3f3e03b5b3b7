import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ChangeState } from "@evenkeel/contracts/change-state";
import { isTerminal } from "@evenkeel/contracts/change-state";
import { PlatformError, type Problem } from "@evenkeel/contracts/error";
import type { ChangeId, Digest, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { RollbackDemand } from "../rollback.ts";
import { CLOSING, OPENING, type PauseCause, type PauseMode } from "../snapshot.ts";
import { CHANGE_ARROWS, mayGo } from "../state.ts";
import { appendAndWake, appendEvents } from "./event.ts";
import { rememberPlan } from "./known-plan.ts";
import type { ChangeRow } from "./snapshot.ts";

type Tx = Transaction<Database>;
export const NOW = sql<string>`clock_timestamp()`;

export interface NewChange {
  readonly id: ChangeId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly kind: string;
  readonly spec: unknown;
  readonly plan: Plan;
  readonly digest: Digest;
  readonly state: "planned" | "running";
  readonly reason: string | null;
  readonly createdBy: string;
  readonly rollbackOf: ChangeId | null;
}

const ofPlan = (plan: Plan) => ({
  plan: JSON.stringify(plan),
  target_count: plan.targets.length,
  irreversible: plan.irreversible,
});

/** Stores a change with its frozen plan; its first event. */
export async function insertChange(tx: Tx, change: NewChange): Promise<void> {
  await tx
    .insertInto("change")
    .values({
      id: change.id,
      tenant_id: change.tenantId,
      workspace_id: change.workspaceId,
      kind: change.kind,
      title: change.plan.title,
      spec: JSON.stringify(change.spec),
      plan_digest: change.digest,
      ...ofPlan(change.plan),
      state: change.state,
      reason: change.reason,
      created_by: change.createdBy,
      rollback_of: change.rollbackOf,
      started_at: change.state === "running" ? sql<string>`clock_timestamp()` : null,
    })
    .execute();
  rememberPlan({ id: change.id, plan: change.plan, plan_digest: change.digest });
  await appendEvents(tx, change.id, [
    { type: "change", data: { to: change.state, title: change.plan.title, by: change.createdBy } },
  ]);
}

/** Makes the rows that execution writes to, in the transaction that starts the change. */
export async function insertTracks(tx: Tx, changeId: ChangeId, plan: Plan): Promise<void> {
  await sql`insert into change_target (change_id, target_id, state)
    select ${changeId}, target_id, 'staged' from unnest(${[OPENING, CLOSING]}::text[]) as target_id
    union all select ${changeId}, target_id, 'pending'
    from unnest(${plan.targets.map(({ targetId }) => targetId)}::text[]) as target_id`.execute(tx);
  const batches = plan.groups.flatMap((group) => group.batches);
  if (batches.length > 0) {
    await tx
      .insertInto("change_batch")
      .values(batches.map((batch) => ({ change_id: changeId, batch_id: batch.batchId })))
      .execute();
  }
  const resources = plan.locks.filter((lock) => lock.mode === "exclusive");
  if (resources.length > 0) {
    await tx
      .insertInto("change_resource")
      .values(resources.map(({ resource }) => ({ change_id: changeId, resource })))
      .execute();
  }
}

/** Replaces the frozen plan before the start. */
export async function storePlan(
  tx: Tx,
  changeId: ChangeId,
  { plan, digest, by }: { readonly plan: Plan; readonly digest: Digest; readonly by: string },
): Promise<void> {
  await tx
    .updateTable("change")
    .set({ ...ofPlan(plan), plan_digest: digest, title: plan.title, planned_by: by })
    .where("id", "=", changeId)
    .execute();
}

/** The row of a change, locked until the transaction ends; within the tenant. */
export async function lockChange(tx: Tx, tenantId: TenantId, changeId: ChangeId): Promise<ChangeRow> {
  const row = await tx
    .selectFrom("change")
    .selectAll()
    .where("id", "=", changeId)
    .where("tenant_id", "=", tenantId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `change ${changeId}` });
  return row;
}

/** How far a change has come; of a large one its plan, which few ask for, is most of the row. */
export async function sequenceOf(db: Kysely<Database>, tenantId: TenantId, changeId: ChangeId): Promise<number> {
  const row = await db
    .selectFrom("change")
    .select("sequence")
    .where("id", "=", changeId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  if (row === undefined) throw new PlatformError("NOT_FOUND", { resource: `change ${changeId}` });
  return row.sequence;
}

export interface Move {
  readonly to: ChangeState;
  readonly problem?: Problem | null;
  readonly pauseMode?: PauseMode;
  readonly pauseCause?: PauseCause;
  readonly rollbackDemand?: RollbackDemand | null;
  readonly waitingFor?: string | null;
  /** Its work begins with this. */
  readonly begins?: boolean;
  readonly by?: string;
  readonly reason?: string;
}

/** Moves a change along an arrow of the table; the caller holds its row. A worker is woken. */
export async function moveChange(tx: Tx, change: Pick<ChangeRow, "id" | "state">, move: Move): Promise<void> {
  if (!mayGo(CHANGE_ARROWS, change.state, move.to)) {
    throw new Error(`no arrow from ${change.state} to ${move.to} (change ${change.id})`);
  }
  const jsonOrNull = (value: unknown) => (value === null ? null : JSON.stringify(value));
  const ends = isTerminal(move.to);
  await tx
    .updateTable("change")
    .set({
      state: move.to,
      state_since: NOW,
      waiting_for: move.waitingFor ?? null,
      ...(move.problem === undefined ? {} : { problem: jsonOrNull(move.problem) }),
      ...(move.pauseMode === undefined ? {} : { pause_mode: move.pauseMode }),
      ...(move.pauseCause === undefined ? {} : { pause_cause: move.pauseCause }),
      ...(move.rollbackDemand === undefined ? {} : { rollback_demand: jsonOrNull(move.rollbackDemand) }),
      // Whoever lets it go on gives it its time again.
      ...(move.to === "running" ? { idle_ms: 0 } : {}),
      ...(move.begins === true ? { started_at: NOW } : {}),
      ...(ends ? { finished_at: NOW, lease_owner: null, lease_until: null } : {}),
    })
    .where("id", "=", change.id)
    .execute();
  await appendAndWake(tx, change.id, [{ type: "change", data: told(change.state, move) }]);
}

function told(from: ChangeState, { to, problem, by, reason }: Move): Record<string, unknown> {
  return {
    ...{ from, to },
    ...(problem === undefined || problem === null ? {} : { problem }),
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Names the rollback of a change under way. */
export async function linkRollback(tx: Tx, changeId: ChangeId, rollbackId: ChangeId): Promise<void> {
  await tx.updateTable("change").set({ rollback_change_id: rollbackId }).where("id", "=", changeId).execute();
}

/** Names the rollback of a change that had ended; one under way becomes `rolled-back` by itself. */
export async function markRolledBack(tx: Tx, changeId: ChangeId, rollbackId: ChangeId): Promise<void> {
  await tx
    .updateTable("change")
    .set({ rolled_back_by: rollbackId })
    .where("id", "=", changeId)
    .where("state", "!=", "rolling-back")
    .execute();
}

/** Lists what a change leaves as it is. */
export async function storeLeftBehind(tx: Tx, changeId: ChangeId, leftBehind: readonly string[]): Promise<void> {
  await tx
    .updateTable("change")
    .set({ left_behind: JSON.stringify(leftBehind) })
    .where("id", "=", changeId)
    .execute();
}

/** Tells the worker of a change, wherever it is, that there is something to look at. */
export async function wake(tx: Kysely<Database>, changeId: ChangeId): Promise<void> {
  await notify(tx, "change", changeId);
}

/** Of each of these changes that has one: the newest change that began later and touched the same. */
export async function newerChanges(
  db: Kysely<Database>,
  changeIds: readonly ChangeId[],
): Promise<ReadonlyMap<ChangeId, ChangeId>> {
  if (changeIds.length === 0) return new Map();
  const rows = await db
    .selectFrom("change_resource as mine")
    .innerJoin("change_resource as newer", "newer.resource", "mine.resource")
    .distinctOn("mine.change_id")
    .select(["mine.change_id as id", "newer.change_id as newer"])
    .where("mine.change_id", "in", [...changeIds])
    .whereRef("newer.started_at", ">", "mine.started_at")
    .orderBy("mine.change_id")
    .orderBy("newer.started_at", "desc")
    .execute();
  return new Map(rows.map(({ id, newer }) => [id, newer]));
}

/** The state of a change, for who only follows it. */
export async function stateOfChange(db: Kysely<Database>, changeId: ChangeId): Promise<ChangeState> {
  return (await db.selectFrom("change").select("state").where("id", "=", changeId).executeTakeFirstOrThrow()).state;
}
