import type { HostId } from "@evenkeel/contracts/id";
import type { InstanceKey } from "@evenkeel/contracts/route-table";
import { sql, type Transaction } from "kysely";
import { hasSpoken } from "../backup/index.ts";
import type { Database } from "../database.ts";

export interface Standing {
  readonly instance: InstanceKey;
  /** The name of its host. */
  readonly host: string;
  /** Requests are sent to it. */
  readonly serves: boolean;
  /** Its host has not said since a restore what runs there. */
  readonly silent: boolean;
}

/** What stands against stopping instances, as the routes are now. */
export async function readStanding(
  tx: Transaction<Database>,
  instances: readonly { readonly instance: InstanceKey; readonly hostId: HostId }[],
): Promise<Standing[]> {
  const { rows } = await sql<Standing>`
    select asked.instance, host.name as host,
      exists (select from upstream where upstream.instance = asked.instance and state = 'attached' and weight > 0) as serves,
      not ${hasSpoken("host.id")} as silent
    from jsonb_to_recordset(${JSON.stringify(instances)}::jsonb) as asked(instance text, "hostId" text)
      join host on host.id = asked."hostId"`.execute(tx);
  return rows;
}
