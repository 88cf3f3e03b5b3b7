import { type Problem, problemOf } from "@evenkeel/contracts/error";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { approvalMissing, judge } from "../governance.ts";
import { moveChange } from "../store/change.ts";
import { releaseLocks } from "../store/lock.ts";
import type { ChangeRow } from "../store/snapshot.ts";
import { noteStartWaits, startTimes } from "../store/start.ts";
import { begin, waitWords } from "./begin.ts";

type Tx = Transaction<Database>;

/** Starts a change whose time has come, ends one whose time is over, says what another waits for. */
export async function startScheduled(deps: ChangeDeps, tx: Tx, change: ChangeRow): Promise<void> {
  const { due, expired } = await startTimes(tx, change.id);
  if (expired) return await moveChange(tx, change, { to: "expired" });
  if (!due || change.state !== "scheduled") return;
  await beginDue(deps, tx, { change, by: change.created_by });
}

/** Nobody can be asked any more: what frees itself is waited for, for everything else the change is planned anew. */
export async function beginDue(
  deps: ChangeDeps,
  tx: Tx,
  { change, by }: { readonly change: ChangeRow; readonly by: string },
): Promise<void> {
  const { refusal, shut, approvals } = await judge(deps.governance, tx, { change, at: null });
  if (refusal !== null)
    return await backToPlanned(deps, tx, { change, problem: problemOf(refusal.refused, refusal.facts) });
  // A rule that came after the approval asks for more.
  if (approvals.length > 0) return await backToPlanned(deps, tx, { change, problem: approvalMissing(approvals) });
  const beginning = await begin(deps, tx, { change, by, shut });
  switch (beginning.kind) {
    case "running":
      return;
    case "moved": {
      const { refused, facts } = beginning.refusal;
      return await backToPlanned(deps, tx, { change, problem: problemOf(refused, facts) });
    }
    case "waits": {
      const waitingFor = waitWords(beginning.refusal);
      if (change.state === "scheduled") return await noteStartWaits(tx, change.id, waitingFor);
      return await moveChange(tx, change, { to: "scheduled", waitingFor, by });
    }
    default:
      return beginning satisfies never;
  }
}

async function backToPlanned(
  deps: ChangeDeps,
  tx: Tx,
  { change, problem }: { readonly change: ChangeRow; readonly problem: Problem },
): Promise<void> {
  await releaseLocks(tx, change.id);
  await deps.governance.voidApprovals(tx, change.id);
  await moveChange(tx, change, { to: "planned", problem });
}
