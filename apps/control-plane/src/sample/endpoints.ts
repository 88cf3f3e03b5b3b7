import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { readSamples } from "./store/index.ts";

export function sampleHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<"listSamples"> {
  return {
    listSamples: async ({ caller, query }) => {
      const { service, sinceSeconds, limit } = query;
      const items = await readSamples(db, { tenantId: caller.tenantId, serviceId: service, sinceSeconds, limit });
      return { items, nextCursor: null };
    },
  };
}
