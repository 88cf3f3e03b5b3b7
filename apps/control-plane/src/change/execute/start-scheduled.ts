import { errorTitle, problemOf } from "@evenkeel/contracts/error";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { moveChange } from "../store/change.ts";
import { releaseLocks } from "../store/lock.ts";
import type { ChangeRow } from "../store/snapshot.ts";
import { noteStartWaits, startTimes } from "../store/start.ts";
import { begin } from "./begin.ts";

/** Starts a scheduled change whose time has come, ends one whose time is over, says what another waits for. */
export async function startScheduled(deps: ChangeDeps, tx: Transaction<Database>, change: ChangeRow): Promise<void> {
  const { due, expired } = await startTimes(tx, change.id);
  if (expired) return await moveChange(tx, change, { to: "expired" });
  if (!due || change.state !== "scheduled") return;
  const beginning = await begin(deps, tx, { change, by: change.created_by });
  switch (beginning.kind) {
    case "running":
      return;
    case "moved": {
      await releaseLocks(tx, change.id);
      const { refused, facts } = beginning.refusal;
      return await moveChange(tx, change, { to: "planned", problem: problemOf(refused, facts) });
    }
    case "locked": {
      const waitingFor = errorTitle(beginning.refusal.refused, beginning.refusal.facts);
      return await noteStartWaits(tx, change.id, waitingFor);
    }
    default:
      return beginning satisfies never;
  }
}
