import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

/** The epoch of the installation; a restore or the promotion of a standby raises it. */
export async function readEpoch(db: Kysely<Database>): Promise<number> {
  const { epoch } = await db.selectFrom("installation").select("epoch").executeTakeFirstOrThrow();
  return epoch;
}

/** The next value of the one sequence of the installation: drawn at each claim of a lease, so that a later holder's is higher. */
export async function nextFenceToken(tx: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ token: number }>`select nextval('fence_token') as token`.execute(tx);
  return rows[0]!.token;
}

/** The urls of all replicas whose lease lives. */
export async function liveReplicas(db: Kysely<Database>): Promise<{ id: string; url: string; version: string }[]> {
  return await db
    .selectFrom("replica")
    .select(["id", "url", "version"])
    .where(sql<boolean>`lease_until > clock_timestamp()`)
    .orderBy("id")
    .execute();
}

/** Takes away what replicas left that died long ago; a row that is merely late stays for whoever reads it. */
export async function forgetDeadReplicas(db: Kysely<Database>): Promise<void> {
  await db.deleteFrom("replica").where(sql<boolean>`lease_until < clock_timestamp() - interval '1 hour'`).execute();
}

/** `18.4` */
export async function postgresVersion(db: Kysely<Database>): Promise<string> {
  const { rows } = await sql<{ version: string }>`select current_setting('server_version') as version`.execute(db);
  return rows[0]!.version;
}
