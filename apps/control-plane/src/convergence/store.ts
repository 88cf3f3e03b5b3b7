import type { ChangeState } from "@evenkeel/contracts/change-state";
import type { ChangeId, HostId, ServiceId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../database.ts";

type Tx = Transaction<Database>;

/** A slot that a change was about, and what it wanted there. */
export interface ToldSlot {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly running: boolean;
}

export interface Missed {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  readonly slots: readonly ToldSlot[];
}

/** The hosts were left out: they are owed what the change wanted. The newest change has the last word. */
export async function recordMissed(tx: Tx, { tenantId, changeId, slots }: Missed): Promise<void> {
  if (slots.length === 0) return;
  await sql`
    insert into owed_slot (service_id, host_id, tenant_id, running, because_of)
    select service.id, host.id, ${tenantId}, missed.running, ${changeId}
    from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb) as missed("serviceId" text, "hostId" text, running boolean)
      join service on service.id = missed."serviceId" join host on host.id = missed."hostId"
    on conflict (service_id, host_id) do update
      set running = excluded.running, because_of = excluded.because_of, tried_at = null, since = clock_timestamp()`.execute(
    tx,
  );
}

/** What was owed there is no longer what was last wanted. */
export async function recordBrought(tx: Tx, slots: readonly ToldSlot[]): Promise<void> {
  if (slots.length === 0) return;
  await sql`
    update owed_slot set running = brought.running
    from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb) as brought("serviceId" text, "hostId" text, running boolean)
    where owed_slot.service_id = brought."serviceId" and owed_slot.host_id = brought."hostId"`.execute(tx);
}

/** The convergence has ended without bringing it: not again before the host connects anew. */
export async function recordTried(tx: Tx, changeId: ChangeId): Promise<void> {
  await tx
    .updateTable("owed_slot")
    .set({ tried_at: sql<string>`clock_timestamp()` })
    .where("change_id", "=", changeId)
    .execute();
}

/** A slot that is owed something, on a host that is there to take it. */
export interface DueSlot {
  readonly tenantId: TenantId;
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly workspace: string;
  readonly service: string;
  readonly host: string;
  readonly running: boolean;
  readonly changeId: ChangeId | null;
  /** Of the newest convergence; null = there was none. */
  readonly state: ChangeState | null;
}

export interface WhichSlot {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
}

/** Slots for which something is to be done now; those under way are left alone. */
export async function dueSlots(db: Kysely<Database>, limit: number): Promise<WhichSlot[]> {
  return await dueQuery(db)
    .select(["owed_slot.service_id as serviceId", "owed_slot.host_id as hostId"])
    .limit(limit)
    .execute();
}

/** The same slot again under the lock of its row; null = another replica has it, or nothing is to be done any more. */
export async function takeDueSlot(tx: Tx, { serviceId, hostId }: WhichSlot): Promise<DueSlot | null> {
  const row = await dueQuery(tx)
    .innerJoin("service", "service.id", "owed_slot.service_id")
    .innerJoin("workspace", "workspace.id", "service.workspace_id")
    .select([
      "owed_slot.tenant_id as tenantId",
      "owed_slot.service_id as serviceId",
      "owed_slot.host_id as hostId",
      "workspace.name as workspace",
      "service.name as service",
      "host.name as host",
      "owed_slot.running as running",
      "owed_slot.change_id as changeId",
      "change.state as state",
    ])
    .where("owed_slot.service_id", "=", serviceId)
    .where("owed_slot.host_id", "=", hostId)
    .forUpdate("owed_slot")
    .skipLocked()
    .executeTakeFirst();
  return row ?? null;
}

function dueQuery(db: Kysely<Database>) {
  return db
    .selectFrom("owed_slot")
    .innerJoin("host", "host.id", "owed_slot.host_id")
    .innerJoin("host_session", "host_session.host_id", "owed_slot.host_id")
    .innerJoin("replica", "replica.id", "host_session.replica_id")
    .leftJoin("change", "change.id", "owed_slot.change_id")
    .where("replica.lease_until", ">", sql<string>`clock_timestamp()`)
    .where("host.set_aside", "is", null)
    .where((where) =>
      where.or([
        where("change.state", "in", ["planned", "failed"]),
        where.and([
          where.or([where("change.id", "is", null), where("change.finished_at", "is not", null)]),
          where.or([
            where("owed_slot.tried_at", "is", null),
            where("host_session.connected_at", ">", where.ref("owed_slot.tried_at")),
          ]),
        ]),
      ]),
    );
}

export async function linkConvergence(tx: Tx, { serviceId, hostId }: WhichSlot, changeId: ChangeId): Promise<void> {
  await tx
    .updateTable("owed_slot")
    .set({ change_id: changeId, tried_at: null })
    .where("service_id", "=", serviceId)
    .where("host_id", "=", hostId)
    .execute();
}

/** Nothing is owed there any more. */
export async function settleSlot(tx: Tx, { serviceId, hostId }: WhichSlot): Promise<void> {
  await tx.deleteFrom("owed_slot").where("service_id", "=", serviceId).where("host_id", "=", hostId).execute();
}

/** What is to stand in a slot by what is owed there; null = nothing is owed. */
export async function owedTo(db: Kysely<Database>, which: { serviceId: ServiceId; host: string }) {
  const row = await db
    .selectFrom("owed_slot")
    .innerJoin("host", "host.id", "owed_slot.host_id")
    .select("running")
    .where("service_id", "=", which.serviceId)
    .where("host.name", "=", which.host)
    .executeTakeFirst();
  return row ?? null;
}

/** Everything that is owed, of one tenant; a hundred at most. */
export async function listOwed(db: Kysely<Database>, tenantId: TenantId) {
  return await db
    .selectFrom("owed_slot")
    .innerJoin("host", "host.id", "owed_slot.host_id")
    .innerJoin("service", "service.id", "owed_slot.service_id")
    .leftJoin("change", "change.id", "owed_slot.change_id")
    .select([
      "service.name as service",
      "host.name as host",
      "owed_slot.because_of as becauseOf",
      "owed_slot.tried_at as triedAt",
      "owed_slot.since as since",
      "change.id as changeId",
      "change.problem as problem",
    ])
    .where("owed_slot.tenant_id", "=", tenantId)
    .orderBy("service.name")
    .orderBy("host.name")
    .limit(100)
    .execute();
}
