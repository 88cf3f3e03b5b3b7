/**
 * Invariants:
 * 1. An effect, its audit entry and its answer under an Idempotency-Key are one transaction: after a kill all of them are there, or none.
 * 2. Of two requests with the same key one holds the key's advisory lock; the other is told to ask again.
 */
import { PlatformError } from "@evenkeel/contracts/error";
import { inTransaction, json } from "@evenkeel/kit/sql";
import { CommitUnknown } from "@evenkeel/kit/sql-error";
import { type Kysely, sql, type Transaction } from "kysely";
import { type NewAuditEntry, writeAudit } from "../audit/index.ts";
import type { Database } from "../database.ts";
import type { Caller } from "./handler.ts";
import type { Seal } from "./seal.ts";

/** Which request this is, so that it is known again. */
export interface IdempotencyKey {
  readonly caller: Caller;
  readonly operation: string;
  readonly key: string;
  readonly requestDigest: string;
  /** Null: the answer holds no secret. */
  readonly seal: Seal | null;
}

export interface EffectInput<Reply> {
  readonly key: IdempotencyKey | null;
  readonly fn: (tx: Transaction<Database>) => Promise<Reply>;
  /** Null: nobody to name in it. */
  readonly audit: (reply: Reply) => NewAuditEntry | null;
}

const KEPT = sql`clock_timestamp() - interval '24 hours'`;

/** Runs the effect of a request, or finds the answer that its key got before. */
export async function runEffect<Reply>(
  db: Kysely<Database>,
  { key, fn, audit }: EffectInput<Reply>,
): Promise<{ reply: Reply; replayed: boolean }> {
  const once = async (tx: Transaction<Database>): Promise<{ reply: Reply; replayed: boolean }> => {
    const earlier = key === null ? undefined : await claimKey(tx, key);
    if (earlier !== undefined) return { reply: earlier.answer as Reply, replayed: true };
    const reply = await fn(tx);
    const entry = audit(reply);
    if (entry !== null) await writeAudit(tx, entry);
    if (key !== null) await keepAnswer(tx, key, reply);
    return { reply, replayed: false };
  };
  try {
    return await inTransaction(db, once);
  } catch (error) {
    // Killed or cut here: the key tells whether it was done.
    if (error instanceof CommitUnknown && key !== null) {
      throw new PlatformError("IDEMPOTENCY_KEY_BUSY", {}, { cause: error });
    }
    throw error;
  }
}

async function claimKey(tx: Transaction<Database>, key: IdempotencyKey): Promise<{ answer: unknown } | undefined> {
  const name = JSON.stringify([key.caller.tenantId, key.caller.principalId, key.operation, key.key]);
  const { rows } = await sql<{
    got: boolean;
  }>`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as got`.execute(tx);
  if (rows[0]?.got !== true) throw new PlatformError("IDEMPOTENCY_KEY_BUSY");
  const earlier = await tx
    .selectFrom("idempotency_key")
    .select(["answer", "request_digest"])
    .where("tenant_id", "=", key.caller.tenantId)
    .where("principal_id", "=", key.caller.principalId)
    .where("operation", "=", key.operation)
    .where("key", "=", key.key)
    .where(sql<boolean>`created_at > ${KEPT}`)
    .executeTakeFirst();
  if (earlier !== undefined && earlier.request_digest !== key.requestDigest)
    throw new PlatformError("IDEMPOTENCY_KEY_REUSED");
  if (earlier === undefined || key.seal === null) return earlier;
  return { answer: key.seal.open(earlier.answer) };
}

async function keepAnswer(tx: Transaction<Database>, key: IdempotencyKey, reply: unknown): Promise<void> {
  const answer = key.seal === null ? reply : key.seal.close(reply);
  const row = { request_digest: key.requestDigest, answer: json(answer), created_at: sql<string>`clock_timestamp()` };
  await tx
    .insertInto("idempotency_key")
    .values({
      tenant_id: key.caller.tenantId,
      principal_id: key.caller.principalId,
      operation: key.operation,
      key: key.key,
      ...row,
    })
    // One that is older than a day counts for nothing any more.
    .onConflict((conflict) => conflict.columns(["tenant_id", "principal_id", "operation", "key"]).doUpdateSet(row))
    .execute();
}

/** Writes that a request was refused; its own transaction is undone by then. */
export async function recordRefusal(db: Kysely<Database>, entry: NewAuditEntry): Promise<void> {
  await writeAudit(db, entry);
}

/** Forgets the answers that are older than a day. */
export async function forgetOldKeys(db: Kysely<Database>): Promise<void> {
  await db.deleteFrom("idempotency_key").where(sql<boolean>`created_at < ${KEPT}`).execute();
}
