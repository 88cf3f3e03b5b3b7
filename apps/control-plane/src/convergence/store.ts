import type { ChangeState } from "@evenkeel/contracts/change-state";
import type { ConvergenceSpec } from "@evenkeel/contracts/convergence";
import type { ChangeId, HostId, ServiceId, TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql, type Transaction } from "kysely";
import { hasSpoken } from "../backup/index.ts";
import type { Database } from "../database.ts";

type Tx = Transaction<Database>;
/** What is owed: the service's revision in a slot, or modules of the base there. */
type What = ConvergenceSpec["of"];

// Both have the same columns but `running`, which slots alone have.
const TABLES = { revision: "owed_slot", modules: "owed_base" } as const;
const tableOf = (of: What): "owed_base" => TABLES[of] as "owed_base";

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

/** These bases were left out of a change of their modules: they are owed what their clusters want. */
export async function recordMissedBases(tx: Tx, { tenantId, changeId, slots }: Missed): Promise<void> {
  if (slots.length === 0) return;
  await sql`
    insert into owed_base (service_id, host_id, tenant_id, because_of)
    select base.service_id, base.host_id, ${tenantId}, ${changeId}
    from jsonb_to_recordset(${JSON.stringify(slots)}::jsonb) as missed("serviceId" text, "hostId" text)
      join base on base.service_id = missed."serviceId" and base.host_id = missed."hostId"
    on conflict (service_id, host_id) do update
      set because_of = excluded.because_of, tried_at = null, since = clock_timestamp()`.execute(tx);
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
  for (const table of Object.values(TABLES))
    await tx
      .updateTable(table)
      .set({ tried_at: sql<string>`clock_timestamp()` })
      .where("change_id", "=", changeId)
      .execute();
}

/** A slot that is owed something, on a host that is there to take it. */
export interface DueSlot extends WhichSlot {
  readonly tenantId: TenantId;
  readonly workspace: string;
  readonly service: string;
  readonly host: string;
  readonly changeId: ChangeId | null;
  /** Of the newest convergence; null = there was none. */
  readonly state: ChangeState | null;
}

export interface WhichSlot {
  readonly of: What;
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
}

/** Slots and bases for which something is to be done now; those under way are left alone. */
export async function dueSlots(db: Kysely<Database>, limit: number): Promise<WhichSlot[]> {
  const due: WhichSlot[] = [];
  for (const what of ["revision", "modules"] as const) {
    const query = dueQuery(db, what).select(["owed.service_id as serviceId", "owed.host_id as hostId"]);
    const rows = await query.limit(limit - due.length).execute();
    due.push(...rows.map((row) => ({ of: what, ...row })));
  }
  return due;
}

/** The same slot again under the lock of its row; null = another replica has it, or nothing is to be done any more. */
export async function takeDueSlot(tx: Tx, { of, serviceId, hostId }: WhichSlot): Promise<DueSlot | null> {
  const row = await dueQuery(tx, of)
    .innerJoin("service", "service.id", "owed.service_id")
    .innerJoin("workspace", "workspace.id", "service.workspace_id")
    .select([
      "owed.tenant_id as tenantId",
      "owed.service_id as serviceId",
      "owed.host_id as hostId",
      "workspace.name as workspace",
      "service.name as service",
      "host.name as host",
      "owed.change_id as changeId",
      "change.state as state",
    ])
    .where("owed.service_id", "=", serviceId)
    .where("owed.host_id", "=", hostId)
    .forUpdate("owed")
    .skipLocked()
    .executeTakeFirst();
  return row === undefined ? null : { of, ...row };
}

function dueQuery(db: Kysely<Database>, of: What) {
  const answers = sql<boolean>`exists (select from base
    where base.service_id = owed.service_id and base.host_id = owed.host_id and base.report is not null)`;
  return db
    .selectFrom(`${tableOf(of)} as owed`)
    .innerJoin("host", "host.id", "owed.host_id")
    .innerJoin("host_session", "host_session.host_id", "owed.host_id")
    .innerJoin("replica", "replica.id", "host_session.replica_id")
    .leftJoin("change", "change.id", "owed.change_id")
    .where("replica.lease_until", ">", sql<string>`clock_timestamp()`)
    .where("host.set_aside", "is", null)
    .where(hasSpoken("host.id"))
    .$if(of === "modules", (query) => query.where(answers))
    .where((where) =>
      where.or([
        where("change.state", "in", ["planned", "failed"]),
        where.and([
          where.or([where("change.id", "is", null), where("change.finished_at", "is not", null)]),
          where.or([
            where("owed.tried_at", "is", null),
            where("host_session.connected_at", ">", where.ref("owed.tried_at")),
          ]),
        ]),
      ]),
    );
}

export async function linkConvergence(tx: Tx, { of, serviceId, hostId }: WhichSlot, changeId: ChangeId): Promise<void> {
  await tx
    .updateTable(tableOf(of))
    .set({ change_id: changeId, tried_at: null })
    .where("service_id", "=", serviceId)
    .where("host_id", "=", hostId)
    .execute();
}

/** Nothing is owed there any more. */
export async function settleSlot(tx: Tx, { of, serviceId, hostId }: WhichSlot): Promise<void> {
  await tx.deleteFrom(tableOf(of)).where("service_id", "=", serviceId).where("host_id", "=", hostId).execute();
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

/** Everything that is owed, of one tenant; a hundred of each sort at most. */
export async function listOwed(db: Kysely<Database>, tenantId: TenantId, of: What) {
  return await db
    .selectFrom(`${tableOf(of)} as owed`)
    .innerJoin("host", "host.id", "owed.host_id")
    .innerJoin("service", "service.id", "owed.service_id")
    .leftJoin("change", "change.id", "owed.change_id")
    .select([
      "service.name as service",
      "host.name as host",
      "owed.because_of as becauseOf",
      "owed.tried_at as triedAt",
      "owed.since as since",
      "change.id as changeId",
      "change.problem as problem",
    ])
    .where("owed.tenant_id", "=", tenantId)
    .orderBy("service.name")
    .orderBy("host.name")
    .limit(100)
    .execute();
}
