import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import type { TenantId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Kysely } from "kysely";
import type { Database } from "../../database.ts";
import { type InstanceHealth, reportHealth } from "../../route/index.ts";
import { recordInstances } from "../../service/index.ts";
import type { Connection } from "./delivery.ts";

export interface InstancesTold {
  readonly connection: Connection;
  readonly tenantId: TenantId;
  readonly address: string;
  readonly instances: readonly InstanceReport[];
}

/** Stores an agent's word on all instances of its host, and takes those that are sick out of traffic. Only the newest connection speaks. */
export async function storeInstances(db: Kysely<Database>, told: InstancesTold): Promise<void> {
  const { hostId, connectionEpoch, replicaId } = told.connection;
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
    const upstreams = await tx
      .selectFrom("upstream")
      .select("instance")
      .where("host_id", "=", hostId)
      .where("state", "=", "attached")
      .execute();
    await recordInstances(tx, { hostId, tenantId: told.tenantId, address: told.address, instances: told.instances });
    const health = new Map(
      told.instances.map((one) => [instanceKey(one.slot, hostId, one.letter), one.state] as const),
    );
    const reports: InstanceHealth[] = upstreams
      .map(({ instance }) => ({ instance, state: health.get(instance) ?? "stopped" }))
      // `unknown`: the agent has not judged yet, and its last word stands.
      .filter(({ state }) => state !== "unknown")
      .map(({ instance, state }) => ({ instance, healthy: state === "healthy" }));
    await reportHealth(tx, reports);
  });
}
