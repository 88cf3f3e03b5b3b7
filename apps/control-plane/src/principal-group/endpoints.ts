import { PlatformError } from "@evenkeel/contracts/error";
import type { Name, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { getGroup, readGroups, removeGroup, setGroup } from "./store.ts";

export interface PrincipalGroupDeps {
  readonly db: Kysely<Database>;
  /** The rules that name a group. */
  readonly usersOf: (tx: Kysely<Database>, tenantId: TenantId, group: Name) => Promise<string[]>;
}

type Operations = "listPrincipalGroups" | "getPrincipalGroup" | "setPrincipalGroup" | "removePrincipalGroup";

export function principalGroupHandlers({ db, usersOf }: PrincipalGroupDeps): Handlers<Operations> {
  return {
    listPrincipalGroups: async ({ caller, query }) => {
      const groups = await readGroups(db, { tenantId: caller.tenantId, ...pageStart(query) });
      return toPage(groups, query, { show: (group) => group, keyOf: ({ name }) => name });
    },
    getPrincipalGroup: ({ caller, params }) => getGroup(db, caller.tenantId, params.group),
    setPrincipalGroup: async ({ caller, params: { group }, body, effect, audit }) => {
      audit.details = body;
      return await effect((tx) => setGroup(tx, caller.tenantId, { name: group, members: body.members }));
    },
    removePrincipalGroup: async ({ caller: { tenantId }, params: { group }, effect }) => {
      await effect(async (tx) => {
        const users = await usersOf(tx, tenantId, group);
        if (users.length > 0)
          throw new PlatformError("RESOURCE_IN_USE", { resource: `principal group ${group}`, users });
        await removeGroup(tx, tenantId, group);
        return undefined;
      });
    },
  };
}
