import { PlatformError } from "@evenkeel/contracts/error";
import type { Kysely } from "kysely";
import { checkScope } from "../change-scope/index.ts";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { admissionRules } from "./store.ts";

export interface AdmissionDeps {
  readonly db: Kysely<Database>;
  readonly kinds: ReadonlySet<string>;
}

type Operations = "listAdmissionRules" | "getAdmissionRule" | "setAdmissionRule" | "removeAdmissionRule";

export function admissionHandlers({ db, kinds }: AdmissionDeps): Handlers<Operations> {
  return {
    listAdmissionRules: ({ caller, query }) => admissionRules.list(db, caller.tenantId, query),
    getAdmissionRule: ({ caller, params }) => admissionRules.get(db, caller.tenantId, params.rule),
    setAdmissionRule: async ({ caller: { tenantId }, params: { rule: name }, body, effect, audit }) => {
      audit.details = body;
      return await effect(async (tx) => {
        await checkScope(tx, { tenantId, scope: body.scope, kinds });
        const { criterion } = body;
        if (criterion.kind === "succeeded-in") {
          const found = await findWorkspace(tx, { tenantId, name: criterion.workspace });
          if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${criterion.workspace}` });
        }
        return await admissionRules.set(tx, tenantId, { name, definition: body });
      });
    },
    removeAdmissionRule: async ({ caller, params: { rule }, effect }) => {
      await effect(async (tx) => {
        await admissionRules.remove(tx, caller.tenantId, rule);
        return undefined;
      });
    },
  };
}
