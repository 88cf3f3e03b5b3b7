import { PlatformError } from "@evenkeel/contracts/error";
import { TrafficPolicy } from "@evenkeel/contracts/traffic-rule";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { hostsOf } from "../host/index.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { renderTable } from "../route/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { getRule, listRules, policyOf } from "./store.ts";
import { tryRequest } from "./try-request.ts";

type Operations = "listTrafficRules" | "getTrafficRule" | "matchTrafficRules" | "getTrafficPolicy";

export function trafficRuleHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listTrafficRules: async ({ caller: { tenantId }, query }) => {
      const { after, rows: limit } = pageStart(query);
      const rules = await listRules(db, { tenantId, workspace: query.workspace, service: query.service, after, limit });
      return toPage(rules, query, { show: (rule) => rule, keyOf: ({ id }) => id });
    },
    getTrafficRule: ({ caller: { tenantId }, params: { rule }, query: { workspace } }) =>
      getRule(db, { tenantId, workspace, rule }),
    matchTrafficRules: async ({ caller: { tenantId }, body: { workspace, service: name, request } }) => {
      const found = await findWorkspace(db, { tenantId, name: workspace });
      if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${workspace}` });
      const [table, hosts] = await Promise.all([renderTable(db, found.id), hostsOf(db, found.id)]);
      const service = table.services.find((each) => each.name === name);
      if (service === undefined) throw new PlatformError("NOT_FOUND", { resource: `service ${name} in the routes` });
      return tryRequest(table, { service, request, hosts });
    },
    getTrafficPolicy: async ({ caller: { tenantId }, params: { serviceId } }) => {
      return (await policyOf(db, { tenantId, serviceId })) ?? TrafficPolicy.parse({});
    },
  };
}
