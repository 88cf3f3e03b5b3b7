import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

/** Now by the database's clock, in ms since 1970. */
export async function databaseNowMs(tx: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ now: string }>`select clock_timestamp() as now`.execute(tx);
  return Date.parse(rows[0]!.now);
}
