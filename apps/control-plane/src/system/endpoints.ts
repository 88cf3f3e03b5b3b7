import type { Finding } from "@evenkeel/contracts/change";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Clock } from "@evenkeel/kit/clock";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Caller, Handlers } from "../http/index.ts";
import { liveReplicas, postgresVersion } from "../installation/index.ts";

/** What one slice knows to be wrong or in the way, of one tenant. */
export type FindingSource = (tenantId: TenantId, who: Pick<Caller, "may">) => Promise<Finding[]>;

export interface SystemDeps {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly lease: ReplicaLease;
  readonly version: string;
  /** One per slice that has something to say. */
  readonly findings: readonly FindingSource[];
}

export function systemHandlers(deps: SystemDeps): Handlers<"getHealth" | "getDoctor"> {
  const { db, clock, lease, version, findings } = deps;
  return {
    getHealth: async () => {
      await clock.databaseNow();
      return { status: "ok", version, replicaId: lease.id };
    },
    getDoctor: async ({ caller }) => {
      const items = (await Promise.all(findings.map((find) => find(caller.tenantId, caller)))).flat();
      const replicas = await liveReplicas(db);
      return {
        items,
        checkedAt: await clock.databaseNow(),
        postgres: await postgresVersion(db),
        replicas: replicas.map((replica) => `${replica.id} ${replica.url} ${replica.version}`),
      };
    },
  };
}
