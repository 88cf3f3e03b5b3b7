import type { ControlStep } from "../change/index.ts";
import { placeHosts } from "../host/index.ts";
import { raiseVersion } from "../route/index.ts";
import { confirmed } from "../slot/index.ts";
import { alterRules } from "../traffic-rule/index.ts";
import type { RuleWrites } from "../traffic-rule/plan/index.ts";
import { alterCells } from "../workspace/index.ts";

/** Rules, policies, cells and the hosts in them change with one version of the table, which every gateway confirms. */
export const setRulesStep: ControlStep = {
  type: "set-rules",
  async run(input, { tx, tenantId, workspaceId }) {
    const { cells, hosts, ...writes } = input as unknown as RuleWrites;
    // First of all: whoever alters what gateways see queues at this row.
    const { tableVersion } = await raiseVersion(tx, { tenantId, workspaceId });
    await alterRules(tx, { tenantId, workspaceId, ...writes });
    await alterCells(tx, workspaceId, cells);
    await placeHosts(tx, workspaceId, hosts);
    return { tableVersion };
  },
  observe: async (_input, context) => await confirmed(context, context.facts),
};
