import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { listRoutes } from "./store/index.ts";

export function routeHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<"listRoutes"> {
  return {
    listRoutes: async ({ caller, query }) => {
      const { after, rows: limit } = pageStart(query);
      const rows = await listRoutes(db, { tenantId: caller.tenantId, workspace: query.workspace, after, limit });
      return toPage(rows, query, { show: (route) => route, keyOf: ({ id }) => id });
    },
  };
}
