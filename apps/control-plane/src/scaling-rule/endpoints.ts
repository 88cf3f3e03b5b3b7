import { PlatformError } from "@evenkeel/contracts/error";
import type { Name, TenantId } from "@evenkeel/contracts/id";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { say } from "@evenkeel/contracts/phrase";
import { mayDo } from "@evenkeel/contracts/principal";
import type { ScalingRule, SetScalingRule } from "@evenkeel/contracts/scaling-rule";
import type { Kysely } from "kysely";
import { readClusters } from "../base-cluster/index.ts";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { hasModule } from "../module/index.ts";
import { foundBy, scalingRules } from "./store.ts";

type Operations = "listScalingRules" | "getScalingRule" | "setScalingRule" | "removeScalingRule";
type Named = Awaited<ReturnType<typeof scalingRules.get>>;

export function scalingRuleHandlers({ db }: { readonly db: Kysely<Database> }): Handlers<Operations> {
  return {
    listScalingRules: async ({ caller: { tenantId }, query }) => {
      const { items, nextCursor } = await scalingRules.list(db, tenantId, query);
      return { items: await shown(db, tenantId, items), nextCursor };
    },
    getScalingRule: async ({ caller: { tenantId }, params: { rule } }) => await one(db, tenantId, rule),
    setScalingRule: async ({ caller, params: { rule: name }, body, effect, audit }) => {
      const { tenantId } = caller;
      const permission = `${MODULE_OPERATION}:create`;
      if (!mayDo(caller.may, permission))
        throw new PlatformError("PERMISSION_MISSING", { principal: caller.principalName, permission });
      audit.details = body;
      return await effect(async (tx) => {
        await checkNamed(tx, tenantId, body);
        await scalingRules.set(tx, tenantId, { name, definition: body });
        return await one(tx, tenantId, name);
      });
    },
    removeScalingRule: async ({ caller, params: { rule }, effect }) => {
      await effect(async (tx) => {
        await scalingRules.remove(tx, caller.tenantId, rule);
        return undefined;
      });
    },
  };
}

async function one(db: Kysely<Database>, tenantId: TenantId, name: Name): Promise<ScalingRule> {
  const rule = await scalingRules.get(db, tenantId, name);
  return { ...rule, ...(await foundBy(db, tenantId, [name]))(name) };
}

async function shown(db: Kysely<Database>, tenantId: TenantId, rules: readonly Named[]): Promise<ScalingRule[]> {
  const names = rules.map(({ name }) => name);
  const found = await foundBy(db, tenantId, names);
  return rules.map((rule) => ({ ...rule, ...found(rule.name) }));
}

/** What it names must be there; where the module stands may change, and is told at each look. */
async function checkNamed(tx: Kysely<Database>, tenantId: TenantId, rule: SetScalingRule): Promise<void> {
  const { workspace, cluster, module, buffer } = rule;
  const clusters = await readClusters(tx, { tenantId, workspace });
  const find = (name: string) => {
    const found = clusters.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new PlatformError("NOT_FOUND", {
      resource: say("label.in-workspace", { label: say("label.base-cluster", { cluster: name }), workspace }),
    });
  };
  if (find(cluster).buffer) throw new PlatformError("BASE_CLUSTER_IS_BUFFER", { cluster });
  if (!(await hasModule(tx, tenantId, module))) throw new PlatformError("NOT_FOUND", { resource: `module ${module}` });
  if (buffer !== undefined && !find(buffer).buffer)
    throw new PlatformError("BASE_CLUSTER_NO_BUFFER", { cluster: buffer });
}
