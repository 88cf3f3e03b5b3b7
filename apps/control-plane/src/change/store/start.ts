import type { ChangeId } from "@evenkeel/contracts/id";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeRow } from "./snapshot.ts";

type Tx = Transaction<Database>;

export interface StartRequest {
  readonly at: string | null;
  readonly expiresAt: string | null;
  readonly emergency: boolean;
  /** Undefined leaves the reason that it was created with. */
  readonly reason: string | undefined;
}

/** Keeps how a change is to be started; writes only what is news. */
export async function storeStart(
  tx: Tx,
  change: Asked,
  { at, expiresAt, emergency, reason }: StartRequest,
): Promise<void> {
  const known = at === change.start_at && expiresAt === change.expires_at && emergency === change.emergency;
  if (known && (reason === undefined || reason === change.reason)) return;
  await tx
    .updateTable("change")
    .set({ start_at: at, expires_at: expiresAt, emergency, ...(reason === undefined ? {} : { reason }) })
    .where("id", "=", change.id)
    .execute();
}

type Asked = Pick<ChangeRow, "id" | "start_at" | "expires_at" | "emergency" | "reason">;

/** Whether the time of a scheduled change has come, or is over, by the database's clock. */
export async function startTimes(tx: Tx, changeId: ChangeId): Promise<{ due: boolean; expired: boolean }> {
  const { rows } = await sql<{ due: boolean; expired: boolean }>`
    select coalesce(start_at <= clock_timestamp(), true) as due,
           coalesce(expires_at <= clock_timestamp(), false) as expired
    from change where id = ${changeId}`.execute(tx);
  return rows[0] ?? { due: false, expired: false };
}

/** Says what a scheduled change waits for; writes only what is news. */
export async function noteStartWaits(tx: Tx, changeId: ChangeId, waitingFor: string): Promise<void> {
  await tx
    .updateTable("change")
    .set({ waiting_for: waitingFor })
    .where("id", "=", changeId)
    .where("waiting_for", "is distinct from", waitingFor)
    .execute();
}
