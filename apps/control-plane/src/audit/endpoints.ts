import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { readAudit } from "./store.ts";

export function auditHandlers({ db }: { db: Kysely<Database> }): Handlers<"listAudit"> {
  return {
    listAudit: async ({ caller, query }) => {
      const { tenantId } = caller;
      const entries = await readAudit(db, { tenantId, ...pageStart(query), ...resourceOf(query) });
      return toPage(entries, query, { show: (entry) => entry, keyOf: ({ id }) => id });
    },
  };
}

function resourceOf({ resource }: { resource?: string | undefined }): { resource?: string } {
  return resource === undefined ? {} : { resource };
}
