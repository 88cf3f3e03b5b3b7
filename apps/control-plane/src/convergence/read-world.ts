import type { TenantId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../database.ts";
import { readPlacement } from "../placement/index.ts";
import { readSlots } from "../slot/index.ts";
import type { ConvergenceWorld } from "./plan.ts";
import { owedTo } from "./store.ts";

interface Which {
  readonly tenantId: TenantId;
  readonly workspace: string;
  readonly service: string;
  readonly host: string;
}

/** What stands on the bases of the workspace, and what their clusters want. */
export async function readModules(tx: Transaction<Database>, which: Omit<Which, "service" | "host">) {
  return await readPlacement(tx, { ...which, modules: [], moving: () => false });
}

/** The slots of a service, and what is wanted of one host: without a word about it, what the service runs. */
export async function readConvergence(tx: Transaction<Database>, which: Which): Promise<ConvergenceWorld> {
  const slots = await readSlots(tx, which);
  const owed = slots.service === null ? null : await owedTo(tx, { serviceId: slots.service.id, host: which.host });
  return { ...slots, running: owed?.running ?? true };
}
