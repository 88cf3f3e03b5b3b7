import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** The epoch of the installation, which every fence carries; raised by a restore. */
export async function epochOf(tx: Transaction<Database>): Promise<number> {
  return (await tx.selectFrom("installation").select("epoch").executeTakeFirstOrThrow()).epoch;
}
