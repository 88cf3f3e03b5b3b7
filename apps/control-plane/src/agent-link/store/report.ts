import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import type { HostId, TenantId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { inTransaction } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import { adoptWhatRuns, noteFirstReport } from "../../backup/index.ts";
import type { Database } from "../../database.ts";
import { type InstanceHealth, putUpstreams, reportHealth } from "../../route/index.ts";
import { recordInstances } from "../../service/index.ts";
import type { Connection } from "./delivery.ts";

export interface InstancesTold {
  readonly connection: Connection;
  readonly tenantId: TenantId;
  readonly address: string;
  readonly instances: readonly InstanceReport[];
}

/** Of these reports those that say something that is not stored. */
export async function findNews(db: Kysely<Database>, reports: readonly InstancesTold[]): Promise<boolean[]> {
  const hostIds = reports.map(({ connection }) => connection.hostId);
  const told = reports.flatMap(({ connection: { hostId }, address, instances }) =>
    instances.map((one) => ({ ...one, hostId, address, instance: instanceKey(one.slot, hostId, one.letter) })),
  );
  const { rows } = await sql<{ id: HostId }>`
    with told as materialized (
      select "hostId", slot, letter, "revisionId", address, port, state, pid, restarts, problem, since, instance
      from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as told("hostId" text, slot text, letter text,
        "revisionId" text, address text, port int, state text, pid int, restarts int, problem jsonb, since timestamptz, instance text)
    ), stored as materialized (
      select host_id, service_id, letter, revision_id, address, port, state, pid, restarts, problem, since
      from instance where host_id = any(${hostIds})
    )
    select coalesce(told."hostId", stored.host_id) as id from told full join stored
      on stored.host_id = told."hostId" and stored.service_id = told.slot and stored.letter = told.letter
    where (told."hostId", told."revisionId", told.address, told.port, told.state, told.pid, told.restarts,
        nullif(told.problem, 'null'::jsonb), told.since)
      is distinct from (stored.host_id, stored.revision_id, stored.address, stored.port, stored.state, stored.pid, stored.restarts,
        stored.problem, stored.since)
    union select upstream.host_id from upstream left join told on told.instance = upstream.instance
    where upstream.host_id = any(${hostIds}) and case coalesce(told.state, 'stopped')
      when 'stopped' then upstream.state = 'draining' or upstream.healthy
      when 'unknown' then false
      else upstream.state = 'attached' and upstream.healthy <> (told.state = 'healthy') end
    union select asked.id from restoration cross join unnest(${hostIds}::text[]) as asked(id)
    where not exists (select from host_report where host_id = asked.id)`.execute(db);
  const news = new Set(rows.map(({ id }) => id));
  return hostIds.map((hostId) => news.has(hostId));
}

/** Stores an agent's word on all instances of its host, and takes those that are sick out of traffic. Only the newest connection speaks. */
export async function storeInstances(db: Kysely<Database>, report: InstancesTold): Promise<void> {
  const { hostId, connectionEpoch, replicaId } = report.connection;
  await inTransaction(db, async (tx) => {
    const session = await tx
      .selectFrom("host_session")
      .innerJoin("replica", "replica.id", "host_session.replica_id")
      .select("host_session.host_id")
      .where("host_session.host_id", "=", hostId)
      .where("host_session.connection_epoch", "=", connectionEpoch)
      .where("host_session.replica_id", "=", replicaId)
      .whereRef("replica.lease_until", ">", tx.fn<string>("clock_timestamp"))
      .forShare("host_session")
      .executeTakeFirst();
    if (session === undefined) return;
    await recordInstances(tx, { hostId, ...report });
    if (await noteFirstReport(tx, { hostId, ...report })) await adoptWhatRuns(tx, hostId);
    const upstreams = await tx
      .selectFrom("upstream")
      .select(["instance", "state", "healthy", "workspace_id as workspaceId"])
      .where("host_id", "=", hostId)
      .execute();
    const told = new Map(
      report.instances.map((one) => [instanceKey(one.slot, hostId, one.letter), one.state] as const),
    );
    const found = upstreams.map((upstream) => ({ ...upstream, health: told.get(upstream.instance) ?? "stopped" }));
    const judged = found
      // `unknown`: the agent has not judged yet, and its last word stands.
      .filter(({ state, health }) => state === "attached" && health !== "unknown")
      .map(({ instance, healthy: was, health }) => ({ instance, was, healthy: health === "healthy" }));
    const reports: InstanceHealth[] = judged.filter(({ was, healthy }) => was !== healthy);
    if (reports.length > 0) await reportHealth(tx, reports);
    // A process that is gone has nothing left to drain, whatever was in flight.
    const gone = found.filter(({ state, health }) => state === "draining" && health === "stopped");
    const workspaceId = gone[0]?.workspaceId;
    if (workspaceId === undefined) return;
    const remove = gone.map(({ instance }) => instance);
    await putUpstreams(tx, { tenantId: report.tenantId, workspaceId, put: [], drain: [], remove });
  });
}
