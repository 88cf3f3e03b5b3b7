import { type ChangeId, newId, type TenantId } from "@evenkeel/contracts/id";
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
  const { resource } = entry;
  await tx
    .insertInto("audit")
    .values({ ...entry, resource: storable(resource), id, tenant_id: tenantId, details: json(storable(details)) })
    .execute();
}

/** The same with no character that a database refuses: what somebody was refused for must not keep it out of the audit. */
function storable<T>(value: T): T {
  if (typeof value === "string") return value.toWellFormed().replaceAll("\0", "\ufffd") as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(storable) as T;
  return Object.fromEntries(Object.entries(value).map((pair) => pair.map(storable))) as T;
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

/** What is looked for; left out = any. */
export interface AuditFilter {
  readonly resource?: string | undefined;
  readonly change?: ChangeId | undefined;
  readonly principal?: string | undefined;
  readonly action?: string | undefined;
  readonly outcome?: AuditEntry["outcome"] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

interface AuditPage {
  readonly tenantId: TenantId;
  readonly filter: AuditFilter;
  readonly after: string | null;
  readonly rows: number;
}

/** The newest entries first. */
export async function readAudit(db: Kysely<Database>, page: AuditPage): Promise<AuditEntry[]> {
  const { tenantId, filter, after, rows } = page;
  const { change, from, to } = filter;
  const equal = {
    resource: filter.resource ?? (change === undefined ? undefined : `change/${change}`),
    principal: filter.principal,
    action: filter.action,
    outcome: filter.outcome,
  };
  const wanted = Object.entries(equal).filter(([, value]) => value !== undefined);
  const found = await db
    .selectFrom("audit")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where((eb) => eb.and(Object.fromEntries(wanted)))
    .$if(from !== undefined, (query) => query.where("at", ">=", from!))
    .$if(to !== undefined, (query) => query.where("at", "<", to!))
    .$if(after !== null, (query) => query.where("id", "<", after!))
    .orderBy("id", "desc")
    .limit(rows)
    .execute();
  return found.map(({ tenant_id: _, ...entry }) => entry);
}
