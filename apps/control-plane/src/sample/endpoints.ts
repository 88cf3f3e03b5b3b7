import { PlatformError } from "@evenkeel/contracts/error";
import { Moment } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { hasService, readSamples } from "./store/index.ts";
import { watchSamples } from "./watch.ts";

export function sampleHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<"listSamples" | "watchSamples"> {
  return {
    listSamples: async ({ caller, query }) => {
      const { service, sinceSeconds, limit } = query;
      const items = await readSamples(db, { tenantId: caller.tenantId, serviceId: service, sinceSeconds, limit });
      return { items, nextCursor: null };
    },
    watchSamples: async ({ caller: { tenantId }, params: { serviceId }, headers, signal }) => {
      if (!(await hasService(db, tenantId, serviceId)))
        throw new PlatformError("NOT_FOUND", { resource: `service ${serviceId}` });
      const last = headers["last-event-id"];
      const after = typeof last === "string" && Moment.safeParse(last).success ? last : null;
      return watchSamples(db, { tenantId, serviceId, after, signal });
    },
  };
}
