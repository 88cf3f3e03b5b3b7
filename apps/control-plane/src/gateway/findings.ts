import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { readGateways } from "./store.ts";

const EVERY = 10_000;

/** Gateways that are away: each holds up every change of routes in its workspace. */
export async function gatewayFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const gateways = await readGateways(db, { tenantId, workspace: undefined, after: null, rows: EVERY });
  return gateways
    .filter(({ state }) => state !== "online")
    .map(({ id, name, tableVersion }) => ({
      severity: "error",
      resource: `gateway/${id}`,
      problem: problemOf("GATEWAY_AWAY", { gateway: name, version: tableVersion }),
      since: null,
      actions: [`gateway remove ${name}`],
    }));
}
