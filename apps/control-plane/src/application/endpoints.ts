import { PlatformError } from "@evenkeel/contracts/error";
import { ApplicationId, newId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { applications, findApplication } from "./store.ts";

type Operations = "listApplications" | "getApplication" | "createApplication" | "editApplication";

export function applicationHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listApplications: ({ caller: { tenantId }, query: { tag, limit, cursor, ...where } }) =>
      applications.list(db, {
        tenantId,
        page: { limit, cursor },
        where,
        ...(tag === undefined ? {} : { containing: { column: "tags", value: tag } }),
      }),
    getApplication: ({ caller, params: { application } }) =>
      applications.get(db, caller.tenantId, { columns: { name: application }, label: application }),
    createApplication: async ({ caller, body, effect }) => {
      const owner = body.owner ?? caller.principalName;
      const row = { id: newId(ApplicationId, "app"), tenant_id: caller.tenantId, ...body, owner };
      return await effect((tx) => applications.create(tx, row, body.name));
    },
    editApplication: async ({ caller: { tenantId }, params: { application }, body, effect, audit }) => {
      audit.details = body;
      return await effect(async (tx) => {
        const found = await findApplication(tx, { tenantId, name: application });
        if (found === null) throw new PlatformError("NOT_FOUND", { resource: `application ${application}` });
        return await applications.update(tx, tenantId, { id: found.id, set: body, label: application });
      });
    },
  };
}
