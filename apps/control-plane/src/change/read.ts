import { type Change, type ChangeSummary, TREE_TARGETS } from "@evenkeel/contracts/change";
import type { PlannedBatch } from "@evenkeel/contracts/change-plan";
import { isTerminal, type TargetState } from "@evenkeel/contracts/change-state";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Caller } from "../http/index.ts";
import { permittedSummary } from "./permitted.ts";
import { actionsOf } from "./show/actions.ts";
import { chooseTargets, whoseSteps } from "./show/choose.ts";
import { LOST_SHOWN, showEnded, showSummary } from "./show/summary.ts";
import { showChange, showTarget } from "./show/view.ts";
import { newerChanges } from "./store/change.ts";
import { readEnded } from "./store/ended.ts";
import { findChange, type WithoutPlan, withPlans } from "./store/known-plan.ts";
import { type ChangePage, changesById, listChanges } from "./store/list.ts";
import { locksOf } from "./store/lock.ts";
import { type ChangeRow, readPart, readRows, readRowsOfMany, readStates, snapshotOf } from "./store/snapshot.ts";

/** Which change is shown, and how many of its targets at most. */
export interface WhichTree {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  readonly atMost?: number;
}

/** A change as API, CLI and console display it. */
export async function readChange(db: Kysely<Database>, which: WhichTree): Promise<Change> {
  // One snapshot of the database, so that the tree fits together.
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (tx) => await readChangeIn(tx, which));
}

/** The same inside a transaction that has begun already. */
export async function readChangeIn(db: Kysely<Database>, which: WhichTree): Promise<Change> {
  const { tenantId, changeId, atMost = TREE_TARGETS } = which;
  const change = await findChange(db, tenantId, changeId);
  const { rows, chosen } = await readTree(db, change, atMost);
  const newer = (await newerOf(db, [change])).get(changeId) ?? null;
  const locks = await locksOf(db, changeId, TREE_TARGETS);
  return showChange({ rows, snapshot: snapshotOf(rows), chosen, newer, locks, now: Date.now() });
}

/** Only a change that has ended asks whether something newer has touched the same: of thousands of hosts that is a long question. */
export async function newerOf(
  db: Kysely<Database>,
  changes: readonly Pick<ChangeRow, "id" | "state">[],
): Promise<ReadonlyMap<ChangeId, ChangeId>> {
  const ended = changes.filter(({ state }) => isTerminal(state));
  return await newerChanges(
    db,
    ended.map(({ id }) => id),
  );
}

async function readTree(db: Kysely<Database>, change: ChangeRow, atMost: number) {
  if (change.plan.targets.length <= atMost) return { rows: await readRows(db, change), chosen: null };
  const states = await readStates(db, change.id);
  const stateOf = new Map(states.map((row) => [row.target_id, row.state]));
  const chosen = chooseTargets(change.plan, stateOf, atMost) ?? new Set();
  const withSteps = whoseSteps(change.plan, stateOf, chosen);
  return { rows: await readPart(db, { change, states, targetIds: [...chosen], withSteps }), chosen };
}

export interface TargetPage {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  /** Its id or its name. */
  readonly batch: string | undefined;
  readonly state: TargetState | undefined;
  /** The place in the plan of the last target of the page before. */
  readonly after: string | null;
  readonly rows: number;
}

/** Targets of a change in the order of its plan. */
export async function readTargets(db: Kysely<Database>, page: TargetPage) {
  const change = await findChange(db, page.tenantId, page.changeId);
  const states = await readStates(db, change.id);
  const stateOf = new Map(states.map((row) => [row.target_id, row.state]));
  const batches = change.plan.groups.flatMap((group) => group.batches);
  const batchOf = new Map(batches.flatMap((batch) => batch.targetIds.map((id) => [id, batch] as const)));
  if (page.batch !== undefined && !batches.some((batch) => isCalled(batch, page.batch)))
    throw new PlatformError("BATCH_UNKNOWN", { batch: page.batch });
  const after = page.after === null ? -1 : Number(page.after);
  const found = change.plan.targets.flatMap((planned, place) => {
    const batch = batchOf.get(planned.targetId);
    const fits = page.batch === undefined || (batch !== undefined && isCalled(batch, page.batch));
    const state = stateOf.get(planned.targetId) ?? "pending";
    if (place <= after || !fits || (page.state !== undefined && state !== page.state)) return [];
    return [{ place, planned, batchId: batch?.batchId ?? "" }];
  });
  const some = found.slice(0, page.rows);
  const targetIds = some.map(({ planned }) => planned.targetId);
  const withSteps = whoseSteps(change.plan, stateOf, targetIds);
  const rows = await readPart(db, { change, states, targetIds, withSteps });
  const newer = (await newerOf(db, [change])).get(change.id) ?? null;
  const shown = { rows, snapshot: snapshotOf(rows) };
  const actions = actionsOf(change, shown.snapshot, newer);
  return some.map(({ place, planned, batchId }) => ({ place, ...showTarget(shown, planned, actions), batchId }));
}

const isCalled = ({ batchId, name }: PlannedBatch, called: string | undefined): boolean =>
  batchId === called || name === called;

/** Changes in a list; of those that have ended neither plans nor targets are read. */
export async function readSummaries(db: Kysely<Database>, changes: readonly WithoutPlan[]): Promise<ChangeSummary[]> {
  const newerThan = await newerOf(db, changes);
  const newer = ({ id }: WithoutPlan): ChangeId | null => newerThan.get(id) ?? null;
  const over = changes.flatMap(({ id, state, target_count }) =>
    isTerminal(state) && target_count !== null ? [id] : [],
  );
  const ended = await readEnded(db, over, LOST_SHOWN);
  const living = await withPlans(
    db,
    changes.filter(({ id }) => !ended.has(id)),
  );
  const shown = new Map(
    (await readRowsOfMany(db, living, { telling: true })).map((rows) => [
      rows.change.id,
      showSummary({ rows, snapshot: snapshotOf(rows), newer: newer(rows.change) }),
    ]),
  );
  return changes.flatMap((change) => {
    const rows = ended.get(change.id);
    return rows === undefined
      ? (shown.get(change.id) ?? [])
      : [showEnded({ change, ended: rows, newer: newer(change) })];
  });
}

/** What has touched a service or a host last, as this caller may act on it; newest first. */
export async function readChangesOf(
  db: Kysely<Database>,
  caller: Pick<Caller, "tenantId" | "may">,
  { service, host, rows }: Pick<ChangePage, "rows"> & Partial<Pick<ChangePage, "service" | "host">>,
): Promise<ChangeSummary[]> {
  const any = { workspace: undefined, state: undefined, kind: undefined, after: null };
  const found = await listChanges(db, { tenantId: caller.tenantId, service, host, rows, ...any });
  return (await readSummaries(db, found)).map((change) => permittedSummary(change, caller));
}

/** The same by their ids, as this caller may act on them; newest first. */
export async function readChangesById(
  db: Kysely<Database>,
  caller: Pick<Caller, "tenantId" | "may">,
  ids: readonly ChangeId[],
): Promise<ChangeSummary[]> {
  if (ids.length === 0) return [];
  const rows = await changesById(db, caller.tenantId, ids);
  return (await readSummaries(db, rows)).map((change) => permittedSummary(change, caller));
}
