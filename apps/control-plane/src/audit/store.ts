import { newId, type TenantId } from "@evenkeel/contracts/id";
import type { AuditEntry } from "@evenkeel/contracts/principal";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

/** What happened; the moment and the id are the store's. */
export interface NewAuditEntry extends Omit<AuditEntry, "id" | "at"> {
  readonly tenantId: TenantId;
}

/** Writes one entry, in the transaction of the effect where there is one. */
export async function writeAudit(tx: Kysely<Database>, { tenantId, details, ...entry }: NewAuditEntry): Promise<void> {
  const id = newId({ parse: (text) => text }, "aud");
  await tx
    .insertInto("audit")
    .values({ ...entry, id, tenant_id: tenantId, details: json(details) })
    .execute();
}

const FORGOTTEN_AT_ONCE = 10_000;

/** Forgets entries that are older than so many days, in pieces that hold up nobody. */
export async function forgetOldEntries(db: Kysely<Database>, days: number): Promise<void> {
  for (;;) {
    const { numAffectedRows = 0n } = await sql`delete from audit where id in (
      select id from audit where at < clock_timestamp() - make_interval(days => ${days})
      order by at limit ${FORGOTTEN_AT_ONCE})`.execute(db);
    if (numAffectedRows < FORGOTTEN_AT_ONCE) return;
  }
}

/** The newest entries first. */
export async function readAudit(
  db: Kysely<Database>,
  { tenantId, resource, after, rows }: { tenantId: TenantId; resource?: string; after: string | null; rows: number },
): Promise<AuditEntry[]> {
  const found = await db
    .selectFrom("audit")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .$if(resource !== undefined, (query) => query.where("resource", "=", resource!))
    .$if(after !== null, (query) => query.where("id", "<", after!))
    .orderBy("id", "desc")
    .limit(rows)
    .execute();
  return found.map(({ tenant_id: _, ...entry }) => entry);
}
