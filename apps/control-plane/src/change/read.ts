import type { Change, ChangeSummary } from "@evenkeel/contracts/change";
import type { ChangeId, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { showChange, showSummary } from "./show/view.ts";
import { findChange, newerChanges } from "./store/change.ts";
import { locksOf } from "./store/lock.ts";
import { type ChangeRow, readRows, readRowsOfMany, snapshotOf } from "./store/snapshot.ts";

/** A change as API, CLI and console display it. */
export async function readChange(db: Kysely<Database>, tenantId: TenantId, changeId: ChangeId): Promise<Change> {
  // One snapshot of the database, so that the tree fits together.
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (tx) => await readChangeIn(tx, tenantId, changeId));
}

/** The same inside a transaction that has begun already. */
export async function readChangeIn(db: Kysely<Database>, tenantId: TenantId, changeId: ChangeId): Promise<Change> {
  const rows = await readRows(db, await findChange(db, tenantId, changeId));
  const newer = (await newerChanges(db, [changeId])).get(changeId) ?? null;
  return showChange({ rows, snapshot: snapshotOf(rows), newer, locks: await locksOf(db, changeId) });
}

/** Changes in a list. */
export async function readSummaries(db: Kysely<Database>, changes: readonly ChangeRow[]): Promise<ChangeSummary[]> {
  const newer = await newerChanges(
    db,
    changes.map(({ id }) => id),
  );
  return (await readRowsOfMany(db, changes)).map((rows) =>
    showSummary({ rows, snapshot: snapshotOf(rows), newer: newer.get(rows.change.id) ?? null }),
  );
}
