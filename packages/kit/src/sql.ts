import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { type ControlledTransaction, Kysely, PostgresDialect, type RawBuilder, sql, type Transaction } from "kysely";
import pg from "pg";
import { PreparedNames } from "./prepared.ts";
import { CommitUnknown, TransactionUndone, translateSqlError } from "./sql-error.ts";

export interface DatabaseOptions {
  /** `postgres://user@host/name`, or `postgres://user@/name?host=/run/folder`. */
  readonly connectionString: string;
  readonly max: number;
  /** Told when an idle connection breaks; the next query opens a new one. */
  readonly onIdleError?: (error: Error) => void;
}

// A process that was stopped in the middle of a transaction must not keep its row locks for longer than its lease lives.
const IDLE_IN_TRANSACTION_MS = 5000;
const CONNECT_MS = 5000;
const UNDONE_ATTEMPTS = 4;
const UNDONE_PAUSE_MS = 20;

/** Opens a pool of connections with our codecs: bigint as number, timestamptz as ISO 8601 in UTC, jsonb as value. */
export function openDatabase<DB>({ connectionString, max, onIdleError }: DatabaseOptions): Kysely<DB> {
  const pool = new pg.Pool({ ...connectionOptions(connectionString), max, idleTimeoutMillis: 60_000 });
  pool.on("error", (error) => onIdleError?.(error));
  const wrapped = new WeakMap<pg.PoolClient, PoolClient>();
  const prepared = new PreparedNames();
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect().catch(rethrow);
    const known = wrapped.get(client);
    if (known !== undefined) return known;
    // Between two queries nobody waits for this error; the next query meets the broken connection and throws.
    client.on("error", () => undefined);
    const made: PoolClient = {
      query: (async (text: string, values: unknown[]) => {
        // Without values the driver asks in one message, which nothing beats.
        const name = values.length === 0 ? null : prepared.nameOf(text);
        return await client.query({ text, values, ...(name === null ? {} : { name }) }).catch(rethrow);
      }) as PoolClient["query"],
      release: (destroy) => client.release(destroy),
    };
    wrapped.set(client, made);
    return made;
  };
  return new Kysely<DB>({
    dialect: new PostgresDialect({ pool: { connect, end: () => pool.end(), options: pool.options } }),
  });
}

type PoolClient = Pick<pg.PoolClient, "query" | "release">;

/** What every connection to the database has in common, the one that listens included. */
export function connectionOptions(connectionString: string): pg.ClientConfig {
  return {
    connectionString,
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
    options: `-c timezone=UTC -c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS}`,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
  };
}

function rethrow(error: unknown): never {
  throw translateSqlError(error);
}

function parserOf(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (oid === pg.types.builtins.INT8) return parseBigint;
  if (oid === pg.types.builtins.TIMESTAMPTZ) return (text) => new Date(text).toISOString();
  return pg.types.getTypeParser(oid, format ?? "text") as (text: string) => unknown;
}

function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`bigint ${text} is beyond what a number holds`);
  return value;
}

/** A value for a jsonb column; without this the driver would turn an array into a PostgreSQL array. */
export function json<T>(value: T): RawBuilder<T> {
  return sql<T>`${JSON.stringify(value)}::jsonb`;
}

/**
 * Runs `fn` in one transaction. `fn` may run again when the database undid it as a whole (deadlock), so it touches nothing but the database.
 * Throws `CommitUnknown` when the answer of COMMIT was lost.
 */
export async function inTransaction<DB, T>(db: Kysely<DB>, fn: (tx: Transaction<DB>) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptTransaction(db, fn);
    } catch (error) {
      if (!(error instanceof TransactionUndone) || attempt === UNDONE_ATTEMPTS) throw error;
      // Both of two that met would only meet again.
      await sleep(Math.random() * UNDONE_PAUSE_MS * attempt);
    }
  }
}

async function attemptTransaction<DB, T>(db: Kysely<DB>, fn: (tx: Transaction<DB>) => Promise<T>): Promise<T> {
  const tx = await db.startTransaction().execute();
  let result: T;
  try {
    result = await fn(tx);
  } catch (error) {
    await undo(tx);
    throw error;
  }
  try {
    await tx.commit().execute();
  } catch (error) {
    await undo(tx);
    if (error instanceof PlatformError && error.code === "UNAVAILABLE") {
      throw new CommitUnknown("the answer of COMMIT was lost", { cause: error });
    }
    throw error;
  }
  return result;
}

/** A connection that cannot even roll back is discarded by the pool; the first error is the one that tells. */
async function undo<DB>(tx: ControlledTransaction<DB>): Promise<void> {
  await tx
    .rollback()
    .execute()
    .catch(() => undefined);
}
