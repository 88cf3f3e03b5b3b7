import type { CreateChange, PlanRequest, VerbBody } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { asError, isRefusal, PlatformError } from "@evenkeel/contracts/error";
import { ChangeId, type Digest, newId, type TenantId, type WorkspaceId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { rearrange } from "../arrange.ts";
import type { ChangeDeps } from "../deps.ts";
import { freeze, planDigest } from "../plan.ts";
import { insertChange, moveChange, storePlan } from "../store/change.ts";
import { foresee } from "../store/duration.ts";
import { storeStart } from "../store/start.ts";
import { strategyRefusal } from "../strategy-fit.ts";
import { type Ask, withVerb } from "./context.ts";

type PlanDeps = Pick<ChangeDeps, "db" | "registry">;

export interface Planned {
  readonly spec: unknown;
  readonly plan: Plan;
  readonly digest: Digest;
  readonly workspaceId: WorkspaceId;
}

interface Planning {
  readonly tx: Transaction<Database>;
  readonly tenantId: TenantId;
  readonly request: PlanRequest;
  /** A rollback follows a strategy that was made for more hosts than it touches. */
  readonly isRollback?: boolean;
}

async function makePlan(
  { registry }: PlanDeps,
  { tx, tenantId, request, isRollback = false }: Planning,
): Promise<Planned> {
  const kind = registry.kinds.get(request.kind);
  if (kind === undefined) throw new PlatformError("KIND_UNKNOWN", { kind: request.kind });
  const spec = kind.parse(request.spec);
  const world = await kind.read(spec, tx, { tenantId });
  const draft = kind.plan(spec, world);
  if (isRefusal(draft)) throw asError(draft);
  const plan = freeze(kind.kind, draft, kind.locks(spec, world));
  const objection = (isRollback ? null : strategyRefusal(plan)) ?? kind.review(plan, world);
  if (objection !== null) throw asError(objection);
  const foreseen = await foresee(tx, plan, { tenantId, back: isRollback });
  return { spec, plan: foreseen, digest: planDigest(foreseen), workspaceId: kind.workspaceOf(world) };
}

/** Dry run: stores nothing. */
export async function dryRun(deps: PlanDeps, tenantId: TenantId, request: PlanRequest): Promise<Planned> {
  return await inTransaction(deps.db, async (tx) => await makePlan(deps, { tx, tenantId, request }));
}

export interface Creation {
  readonly tenantId: TenantId;
  readonly by: string;
  readonly body: CreateChange;
}

/** Plans a change and stores it frozen, in the caller's transaction. */
export async function createChange(
  deps: PlanDeps,
  tx: Transaction<Database>,
  { tenantId, by, body }: Creation,
): Promise<ChangeId> {
  const { spec, plan, digest, workspaceId } = await makePlan(deps, { tx, tenantId, request: body });
  if (plan.missing.length > 0) throw new PlatformError("PLAN_INCOMPLETE", { missing: plan.missing });
  const id = newId(ChangeId, "chg");
  await insertChange(tx, {
    id,
    tenantId,
    workspaceId,
    kind: plan.kind,
    spec,
    plan,
    digest,
    state: "planned",
    reason: body.reason ?? null,
    createdBy: by,
    rollbackOf: null,
  });
  return id;
}

/** Makes the plan anew in the world as it is now, or arranges its batches by hand: frozen anew, with a new digest. */
export async function replan(deps: ChangeDeps, ask: Ask, body: VerbBody<"replan">): Promise<void> {
  await withVerb(deps, { ask, action: "replan" }, async ({ tx, change, by }) => {
    const request = { kind: change.kind, spec: change.spec };
    const back = change.rollback_of !== null;
    const { tenantId } = ask;
    const arranged =
      body.groups === undefined
        ? (await makePlan(deps, { tx, tenantId, request, isRollback: back })).plan
        : rearrange(change.plan, body.groups);
    if (isRefusal(arranged)) throw asError(arranged);
    const objection = deps.registry.kinds.get(change.kind)?.review(arranged, null) ?? null;
    if (objection !== null) throw asError(objection);
    const plan = await foresee(tx, arranged, { tenantId, back });
    await storePlan(tx, change.id, { plan, digest: planDigest(plan), by });
    await deps.governance.voidApprovals(tx, change.id);
    // When it was to start was said of the plan before.
    await storeStart(tx, change, { at: null, expiresAt: null, emergency: false, reason: undefined });
    await moveChange(tx, change, { to: "planned", problem: null, by });
  });
}
