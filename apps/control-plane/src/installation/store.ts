import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

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
