import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { readAudit } from "./store.ts";

export function auditHandlers({ db }: { db: Kysely<Database> }): Handlers<"listAudit"> {
  return {
    listAudit: async ({ caller, query }) => {
      const { tenantId } = caller;
      const { limit: _, cursor: __, ...filter } = query;
      const entries = await readAudit(db, { tenantId, filter, ...pageStart(query) });
      return toPage(entries, query, { show: (entry) => entry, keyOf: ({ id }) => id });
    },
  };
}
