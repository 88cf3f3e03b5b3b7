import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, TenantId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { factsOf } from "../show/actions.ts";
import type { Snapshot } from "../snapshot.ts";
import { allowedActions, instead } from "../state.ts";
import { lockChange, newerChanges } from "../store/change.ts";
import { type ChangeRow, readRows, snapshotOf } from "../store/snapshot.ts";

/** A verb in its transaction, on a change whose row it holds and in whose state it is legal. */
export interface VerbContext {
  readonly tx: Transaction<Database>;
  readonly change: ChangeRow;
  readonly snapshot: Snapshot;
  readonly by: string;
  readonly may: Ask["may"];
}

export interface Ask {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  readonly by: string;
  /** Says what the caller may beside the verb's own permission. */
  readonly may: (permission: string) => boolean;
  /** The transaction to act in; without it the verb has one of its own. */
  readonly tx?: Transaction<Database>;
}

/** Throws PERMISSION_MISSING. */
export function mustMay({ may, by }: Pick<VerbContext, "may" | "by">, permission: string): void {
  if (!may(permission)) throw new PlatformError("PERMISSION_MISSING", { principal: by, permission });
}

/** Runs a verb, or refuses with what is possible instead. */
export async function withVerb<T>(
  deps: ChangeDeps,
  { ask, action }: { readonly ask: Ask; readonly action: ChangeAction },
  run: (context: VerbContext) => Promise<T>,
): Promise<T> {
  const act = async (tx: Transaction<Database>): Promise<T> => {
    const change = await lockChange(tx, ask.tenantId, ask.changeId);
    const rows = await readRows(tx, change);
    const snapshot = snapshotOf(rows);
    const newer = change.started_at === null ? null : (await newerChanges(tx, [change.id])).get(change.id);
    const facts = factsOf(rows.change, snapshot, newer ?? null);
    if (!allowedActions(facts).includes(action)) {
      const allowed = instead(action, facts);
      throw new PlatformError("ACTION_NOT_ALLOWED", {
        action,
        resource: `change ${change.id}`,
        state: change.state,
        allowed: allowed.length === 0 ? "nothing" : allowed,
      });
    }
    return await run({ tx, change, snapshot, by: ask.by, may: ask.may });
  };
  return ask.tx === undefined ? await inTransaction(deps.db, act) : await act(ask.tx);
}
