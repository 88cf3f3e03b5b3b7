import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { readBaseReadings, readBaseSamples, readModuleReadings, readModuleSamples } from "./store/index.ts";

type Operations = "listModuleReadings" | "listModuleSamples" | "listBaseReadings" | "listBaseSamples";

/** How bases and modules do, now and step by step. */
export function baseWindowHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listModuleReadings: async ({ caller: { tenantId }, query }) => ({
      items: await readModuleReadings(db, { tenantId, ...query }),
    }),
    listModuleSamples: async ({ caller: { tenantId }, query }) => ({
      items: await readModuleSamples(db, { tenantId, ...query }),
    }),
    listBaseReadings: async ({ caller: { tenantId }, query }) => ({
      items: await readBaseReadings(db, { tenantId, ...query }),
    }),
    listBaseSamples: async ({ caller: { tenantId }, query }) => ({
      items: await readBaseSamples(db, { tenantId, ...query }),
    }),
  };
}
