import type { PlanReply, VerbBody } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import { asError, isRefusal, PlatformError } from "@evenkeel/contracts/error";
import { ChangeId, newId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { ChangeDeps } from "../deps.ts";
import { planInverse } from "../execute/begin-rollback.ts";
import type { RollbackRequest } from "../kind.ts";
import { planDigest } from "../plan.ts";
import type { RollbackDemand } from "../rollback.ts";
import { insertChange, moveChange } from "../store/change.ts";
import { type Ask, type VerbContext, withVerb } from "./context.ts";

/** Asks for a rollback: of a change under way its worker begins it; of one that has ended a new change is born `planned`. Answers with the change to look at. */
export async function rollback(deps: ChangeDeps, ask: Ask, body: VerbBody<"rollback">): Promise<ChangeId> {
  const demand: RollbackDemand = {
    speed: body.speed,
    strategy: body.strategy ?? null,
    toRevision: body.toRevision ?? null,
    reason: body.reason,
    by: ask.by,
  };
  return await withVerb(deps, { ask, action: "rollback" }, async (context) => {
    const { tx, change, by } = context;
    if (isTerminal(change.state)) return await planRollback(deps, context, demand);
    await moveChange(tx, change, { to: "rolling-back", rollbackDemand: demand, by, reason: demand.reason });
    return change.id;
  });
}

/** What a rollback of the change would be now; stores nothing. */
export async function previewRollback(
  deps: ChangeDeps,
  ask: Ask,
  body: Omit<VerbBody<"rollback">, "reason">,
): Promise<PlanReply> {
  const request = { speed: body.speed, strategy: body.strategy ?? null, toRevision: body.toRevision ?? null };
  return await withVerb(deps, { ask, action: "rollback" }, async (context) => {
    const { plan } = await inverseOf(deps, context, request);
    return { plan, digest: planDigest(plan) };
  });
}

async function inverseOf(deps: ChangeDeps, context: VerbContext, request: Omit<RollbackRequest, "changeId">) {
  const inverse = await planInverse(deps, context, { changeId: context.change.id, ...request });
  if (isRefusal(inverse)) throw asError(inverse);
  const { targets } = inverse.plan;
  if (targets.length === 0) throw new PlatformError("NO_INVERSE", { problem: say("inverse.untouched") });
  // What has ended can wait for its hosts; what is under way goes back as far as it can be reached.
  if (isTerminal(context.change.state) && !targets.some(({ hostId, online }) => hostId === null || online))
    throw new PlatformError("HOSTS_OFFLINE", { count: targets.length });
  return inverse;
}

async function planRollback(deps: ChangeDeps, context: VerbContext, demand: RollbackDemand): Promise<ChangeId> {
  const { tx, change } = context;
  const { speed, strategy, toRevision } = demand;
  const inverse = await inverseOf(deps, context, { speed, strategy, toRevision });
  const id = newId(ChangeId, "chg");
  await insertChange(tx, {
    id,
    tenantId: change.tenant_id,
    workspaceId: change.workspace_id,
    kind: inverse.kind.kind,
    spec: inverse.spec,
    plan: inverse.plan,
    digest: planDigest(inverse.plan),
    state: "planned",
    reason: demand.reason,
    createdBy: demand.by,
    rollbackOf: change.id,
  });
  return id;
}
