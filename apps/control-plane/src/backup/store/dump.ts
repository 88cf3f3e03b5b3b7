import type { BackupHead } from "@evenkeel/contracts/backup";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** Of the moment and of this machine, or made anew by use; measurements are kept for days and not part of a backup. */
const LEFT_OUT =
  /^(kysely_.*|replica|host_session|gateway_session|idempotency_key|upload|sample_.*|restoration.*|host_report)$/;

const ROWS_AT_ONCE = 200;

/** Runs on one snapshot of the whole database. */
export async function onSnapshot<Result>(
  db: Kysely<Database>,
  run: (tx: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (tx) => {
      // Whoever takes the backup may read slowly.
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx);
      return await run(tx);
    });
}

/** What this database holds, as the head of a backup says it. */
export async function readHead(tx: Transaction<Database>): Promise<Omit<BackupHead, "format" | "version">> {
  const { rows } = await sql<{ epoch: number; takenAt: string }>`
    select epoch, clock_timestamp() as "takenAt" from installation`.execute(tx);
  const tables = await readTables(tx);
  const migrations = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(tx);
  const sequences = await sql<{ name: string; value: number }>`
    select sequencename as name, coalesce(last_value, start_value) as value from pg_sequences
    where schemaname = current_schema() order by 1`.execute(tx);
  const objects = await sql<BackupHead["objects"][number]>`
    select distinct digest, size_bytes as "sizeBytes" from
      (select digest, size_bytes from package union select digest, size_bytes from buildpack
        union select digest, size_bytes from module_bundle) as object
    order by digest`.execute(tx);
  return {
    ...(rows[0] as { epoch: number; takenAt: string }),
    tables,
    migrations: migrations.rows.map(({ name }) => name),
    sequences: sequences.rows,
    objects: objects.rows,
  };
}

/** Tables with their columns, those that others refer to first. */
async function readTables(tx: Transaction<Database>): Promise<BackupHead["tables"]> {
  const { rows } = await sql<BackupHead["tables"][number]>`
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and not c.relispartition
      and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by c.relname order by c.relname`.execute(tx);
  return rows.filter(({ name }) => !LEFT_OUT.test(name));
}

/** The rows of a table as lines of JSON, some hundred at a time. */
export async function* readLines(tx: Transaction<Database>, table: string): AsyncGenerator<readonly string[]> {
  await sql`declare backup_rows no scroll cursor for select row_to_json(one)::text as line from ${sql.table(table)} one`.execute(
    tx,
  );
  try {
    for (;;) {
      const { rows } = await sql<{ line: string }>`fetch ${sql.lit(ROWS_AT_ONCE)} from backup_rows`.execute(tx);
      if (rows.length === 0) return;
      yield rows.map(({ line }) => line);
    }
  } finally {
    await sql`close backup_rows`.execute(tx);
  }
}
