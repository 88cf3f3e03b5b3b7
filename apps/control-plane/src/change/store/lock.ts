import type { Lock } from "@evenkeel/contracts/change";
import type { LockRequest } from "@evenkeel/contracts/change-plan";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeRow } from "./snapshot.ts";

/** Who stands in the way. */
export interface LockConflict {
  readonly resource: string;
  readonly label: string;
  readonly holder: ChangeId;
  readonly title: string;
  readonly since: string;
}

interface LockDemand {
  readonly changeId: ChangeId;
  readonly tenantId: TenantId;
  /** In canonical order. */
  readonly locks: readonly LockRequest[];
}

const ADVISORY_CLASS = 7700;
const BUCKETS = 512;

/** Takes all locks or none, in the caller's transaction; answers with the first conflict. */
export async function takeLocks(tx: Transaction<Database>, demand: LockDemand): Promise<LockConflict | null> {
  const resources = demand.locks.map(({ resource }) => resource);
  // Serialises those who want these until the transaction ends, also where no row is there to lock; everybody in the same order.
  // The server has room for a few thousand such locks in all, so that resources share them.
  await sql`select pg_advisory_xact_lock(${ADVISORY_CLASS}, bucket) from (
      select distinct abs(hashtextextended(resource, 0) % ${BUCKETS})::int as bucket
      from unnest(${resources}::text[]) as resource order by bucket
    ) wanted`.execute(tx);
  const conflict = await findConflict(tx, demand);
  if (conflict !== null) return conflict;
  const held = demand.locks.flatMap(({ mode, ...lock }) => (mode === "at-start" ? [] : [{ ...lock, mode }]));
  if (held.length === 0) return null;
  await sql`insert into lock (resource, change_id, tenant_id, mode, label)
    select resource, ${demand.changeId}, ${demand.tenantId}, mode, label
    from jsonb_to_recordset(${JSON.stringify(held)}::jsonb) as held(resource text, mode text, label text)
    on conflict (resource, change_id) do nothing`.execute(tx);
  return null;
}

/** Who stands in the way of these locks; null = nobody. */
export async function findConflict(tx: Kysely<Database>, demand: LockDemand): Promise<LockConflict | null> {
  if (demand.locks.length === 0) return null;
  const held = await tx
    .selectFrom("lock")
    .innerJoin("change", "change.id", "lock.change_id")
    .select(["lock.resource", "lock.mode", "lock.label", "lock.since", "lock.change_id as holder", "change.title"])
    .where("lock.resource", "=", sql<string>`any(${demand.locks.map(({ resource }) => resource)})`)
    .where("lock.change_id", "!=", demand.changeId)
    .orderBy("lock.since")
    .execute();
  const wanted = new Map(demand.locks.map((lock) => [lock.resource, lock.mode]));
  return held.find((lock) => lock.mode === "exclusive" || wanted.get(lock.resource) === "exclusive") ?? null;
}

/** Gives all locks of a change back. */
export async function releaseLocks(tx: Transaction<Database>, changeId: ChangeId): Promise<void> {
  await tx.deleteFrom("lock").where("change_id", "=", changeId).execute();
}

/** Hands all locks of one change to another: nobody comes between. */
export async function handLocksOver(tx: Transaction<Database>, from: ChangeId, to: ChangeId): Promise<void> {
  await tx.updateTable("lock").set({ change_id: to }).where("change_id", "=", from).execute();
}

/** The change that holds a resource for itself alone. */
export async function exclusiveHolder(tx: Transaction<Database>, resource: string): Promise<ChangeRow | null> {
  const row = await tx
    .selectFrom("lock")
    .innerJoin("change", "change.id", "lock.change_id")
    .selectAll("change")
    .where("lock.resource", "=", resource)
    .where("lock.mode", "=", "exclusive")
    .executeTakeFirst();
  return row ?? null;
}

/** Throws LOCK_HELD if a change holds the resource, in either mode. */
export async function refuseLocked(tx: Transaction<Database>, resource: string): Promise<void> {
  const held = await tx
    .selectFrom("lock")
    .innerJoin("change", "change.id", "lock.change_id")
    .select(["lock.label as resource", "lock.change_id as holder", "lock.since", "change.title as why"])
    .where("lock.resource", "=", resource)
    .executeTakeFirst();
  if (held !== undefined) throw new PlatformError("LOCK_HELD", held);
}

/** What one change holds, the first of it: what it alone may touch before what others may touch too. */
export async function locksOf(db: Kysely<Database>, changeId: ChangeId, atMost: number) {
  return await db
    .selectFrom("lock")
    .select(["resource", "label", "mode", "since"])
    .where("change_id", "=", changeId)
    .orderBy("mode")
    .orderBy("resource")
    .limit(atMost)
    .execute();
}

export interface LockPage {
  readonly tenantId: TenantId;
  /** `resource change` of the last row of the page before. */
  readonly after: string | null;
  readonly rows: number;
  readonly resource?: string | undefined;
}

/** Every lock of a tenant with its holder. */
export async function listLocks(db: Kysely<Database>, page: LockPage): Promise<Lock[]> {
  const key = sql<string>`lock.resource || '@' || lock.change_id`;
  return await db
    .selectFrom("lock")
    .innerJoin("change", "change.id", "lock.change_id")
    .select([
      "lock.resource",
      "lock.label",
      "lock.mode",
      "lock.change_id as changeId",
      "change.title",
      "change.created_by as holder",
      "lock.since",
      "change.state",
      "change.reason",
    ])
    .where("lock.tenant_id", "=", page.tenantId)
    .$if(page.resource !== undefined, (query) => query.where("lock.resource", "=", page.resource!))
    .$if(page.after !== null, (query) => query.where(key, ">", page.after as string))
    .orderBy(key)
    .limit(page.rows)
    .execute();
}

export interface HolderQuery {
  readonly tenantId: TenantId;
  readonly resource: string;
  readonly changeId: ChangeId | undefined;
}

/** The change that holds a resource; of several the one that is named. */
export async function holderOf(db: Kysely<Database>, { tenantId, resource, changeId }: HolderQuery): Promise<ChangeId> {
  const held = await db
    .selectFrom("lock")
    .select("change_id as id")
    .where("tenant_id", "=", tenantId)
    .where("resource", "=", resource)
    .$if(changeId !== undefined, (query) => query.where("change_id", "=", changeId!))
    .execute();
  const [only, another] = held;
  if (only === undefined) throw new PlatformError("NOT_FOUND", { resource: `lock ${resource}` });
  if (another !== undefined) throw new PlatformError("HOLDERS_MANY", { resource, holders: held.map(({ id }) => id) });
  return only.id;
}
