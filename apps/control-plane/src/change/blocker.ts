import type { Blocker } from "@evenkeel/contracts/change";
import { refuse } from "@evenkeel/contracts/error";
import type { ChangeId, HostId } from "@evenkeel/contracts/id";
import { mayDo } from "@evenkeel/contracts/principal";
import type { Caller } from "../http/index.ts";
import type { ChangeDeps } from "./deps.ts";
import { judge } from "./governance.ts";
import { permittedSummary, TAKE_OVER } from "./permitted.ts";
import { type Blocked, blockersOf } from "./show/blockers.ts";
import { showSummary } from "./show/summary.ts";
import { newerChanges } from "./store/change.ts";
import { findChange } from "./store/known-plan.ts";
import { findConflict } from "./store/lock.ts";
import { type ChangeRow, readRows, snapshotOf } from "./store/snapshot.ts";

type Deps = Pick<ChangeDeps, "db" | "governance" | "commands">;
type Who = Pick<Caller, "tenantId" | "may">;

/** What keeps a change from going on now, and which of the commands that free it this caller may give. */
export async function readBlockers(
  { db, governance, commands }: Deps,
  who: Who,
  changeId: ChangeId,
): Promise<Blocker[]> {
  const change = await findChange(db, who.tenantId, changeId);
  const rows = await readRows(db, change);
  const snapshot = snapshotOf(rows);
  const newer = (await newerChanges(db, [changeId])).get(changeId) ?? null;
  const { allowedActions } = permittedSummary(showSummary({ rows, snapshot, newer }), who);
  const waits = change.started_at === null && change.finished_at === null;
  const hostIds = [...new Set(snapshot.plan.targets.flatMap(({ hostId }) => (hostId === null ? [] : [hostId])))];
  const online = waits || hostIds.length === 0 ? new Set<HostId>() : await commands.online(db, hostIds);
  return blockersOf({
    rows,
    snapshot,
    actions: allowedActions,
    mayTakeOver: mayDo(who.may, TAKE_OVER),
    mayEmergency: mayDo(who.may, "change:emergency"),
    judgement: waits ? await judge(governance, db, { change, at: null }) : null,
    conflict: waits ? await conflictOf(db, change) : null,
    away: new Set(waits ? [] : hostIds.filter((id) => !online.has(id))),
  });
}

async function conflictOf(db: Deps["db"], change: ChangeRow): Promise<Blocked["conflict"]> {
  const { id: changeId, tenant_id: tenantId, plan } = change;
  const conflict = await findConflict(db, { changeId, tenantId, locks: plan.locks });
  if (conflict === null) return null;
  const { resource, label, holder, since, title: why } = conflict;
  return { resource, since, refusal: refuse("LOCK_HELD", { resource: label, holder, since, why }) };
}
