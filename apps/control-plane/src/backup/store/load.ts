import type { BackupHead } from "@evenkeel/contracts/backup";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** True when nobody has worked with this database yet. */
export async function isFresh(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`select exists (select from tenant) as used`.execute(db);
  return rows[0]?.used === false;
}

export async function readMigrations(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  return rows.map(({ name }) => name);
}

interface Reference {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

/** Lets tables be filled in any order: takes the references between them away and answers what puts them back. */
export async function dropReferences(tx: Transaction<Database>): Promise<Reference[]> {
  const { rows } = await sql<Reference>`
    select r.conrelid::regclass::text as "table", r.conname as name, pg_get_constraintdef(r.oid) as definition
    from pg_constraint r where r.contype = 'f' and r.connamespace = current_schema()::regnamespace and r.conparentid = 0`.execute(
    tx,
  );
  for (const { table, name } of rows) await sql.raw(`alter table ${table} drop constraint "${name}"`).execute(tx);
  return rows;
}

/** Puts the references back; every row is checked by them. */
export async function addReferences(tx: Transaction<Database>, references: readonly Reference[]): Promise<void> {
  for (const { table, name, definition } of references)
    await sql.raw(`alter table ${table} add constraint "${name}" ${definition}`).execute(tx);
}

/** What the migrations put into a table gives way to what the backup has. */
export async function emptyTable(tx: Transaction<Database>, table: string): Promise<void> {
  await sql`delete from ${sql.table(table)}`.execute(tx);
}

export async function insertLines(
  tx: Transaction<Database>,
  { name, columns }: BackupHead["tables"][number],
  lines: readonly string[],
): Promise<void> {
  const list = sql.join(columns.map((column) => sql.ref(column)));
  await sql`insert into ${sql.table(name)} (${list})
    select ${list} from json_populate_recordset(null::${sql.table(name)}, ${`[${lines.join(",")}]`}::json)`.execute(tx);
}

export async function setSequences(tx: Transaction<Database>, sequences: BackupHead["sequences"]): Promise<void> {
  for (const { name, value } of sequences)
    await sql`select setval(${name}::regclass, ${value}::bigint) from pg_sequences where sequencename = ${name}`.execute(
      tx,
    );
}

/** Seconds since 2020: of two restores of one backup the later has the higher epoch. */
const SECONDS = sql`extract(epoch from clock_timestamp() - timestamptz '2020-01-01 00:00:00Z')::integer`;

/**
 * A new generation begins. Nothing that was under way goes on by itself, for nobody here knows how far it came since the
 * backup was taken: a person looks, and then resumes, rolls back or closes it.
 */
export async function beginGeneration(tx: Transaction<Database>, takenAt: string): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`
    update installation set epoch = greatest(epoch + 1, ${SECONDS}) returning epoch`.execute(tx);
  const epoch = rows[0]?.epoch ?? 0;
  const problem: Problem = problemOf("RESTORED", { takenAt });
  await sql`update change set lease_owner = null, lease_until = null`.execute(tx);
  await sql`update change set state = 'paused', state_since = clock_timestamp(), problem = ${json(problem)}
    where state in ('running', 'awaiting-confirmation', 'pausing', 'cancelling')
      or state = 'rolling-back' and rollback_change_id is null`.execute(tx);
  await sql`update change set state = 'planned', state_since = clock_timestamp(), problem = ${json(problem)}, waiting_for = null
    where state = 'scheduled'`.execute(tx);
  await sql`insert into restoration (epoch, taken_at) values (${epoch}, ${takenAt})`.execute(tx);
  await sql`insert into restoration_instance (tenant_id, host_id, service_id, letter, revision_id, state)
    select tenant_id, host_id, service_id, letter, revision_id, state from instance`.execute(tx);
  return epoch;
}
