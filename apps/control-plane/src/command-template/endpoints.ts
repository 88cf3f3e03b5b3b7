import { PlatformError } from "@evenkeel/contracts/error";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { createTemplate, findTemplate, listTemplates } from "./store.ts";

type Operations = "listCommandTemplates" | "getCommandTemplate" | "createCommandTemplate";

export function commandTemplateHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listCommandTemplates: ({ caller: { tenantId }, query: { name, ...page } }) =>
      listTemplates(db, { tenantId, name, page }),
    getCommandTemplate: async ({ caller: { tenantId }, params: { template } }) => {
      const found = await findTemplate(db, { tenantId, reference: template });
      if (found === null) throw new PlatformError("NOT_FOUND", { resource: `command template ${template}` });
      return found;
    },
    createCommandTemplate: async ({ caller, body, effect }) =>
      await effect(
        async (tx) =>
          await createTemplate(tx, { tenantId: caller.tenantId, definition: body, createdBy: caller.principalName }),
      ),
  };
}
