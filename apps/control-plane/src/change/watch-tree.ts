/**
 * Invariants:
 * 1. Only an event of the kind `tree` has an id, and it shows at least what the change's events up to that id tell of: who comes back with
 *    it misses nothing. What scripts have printed since may come again; its sequence tells.
 * 2. What moved is read after the notification that woke us, so no picture is older than the events before it.
 * 3. A burst of events is one picture; the pause between two grows with the work that one is.
 * 4. A plan that the process remembers is not read again: it is frozen under its digest, and a new one comes with the next look.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Change, type ChangeEvent, type ChangeTreeEvent, TREE_TARGETS } from "@evenkeel/contracts/change";
import { isTerminal, type TargetState } from "@evenkeel/contracts/change-state";
import type { ChangeId, StepId } from "@evenkeel/contracts/id";
import { createBell } from "@evenkeel/kit/bell";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Caller, ServerEvent } from "../http/index.ts";
import type { ChangeDeps } from "./deps.ts";
import { permitted } from "./permitted.ts";
import { readMoved } from "./read.ts";
import { CLOSING, OPENING } from "./snapshot.ts";
import { eventsAfter } from "./store/event.ts";
import { findChange } from "./store/known-plan.ts";
import { readStates } from "./store/snapshot.ts";

const READ_AT_ONCE = 5000;
/** Two frames of a screen: nobody sees more pictures than that. */
const GAP_MS = 32;
/** What moves without an event (a bake, a wait) is looked at so often while the change is under way. */
const LOOK_MS = 1000;

export interface TreeWatch {
  readonly caller: Caller;
  readonly changeId: ChangeId;
  readonly after: number;
  readonly signal: AbortSignal;
}

/** A live picture of a change, from the event that the watcher has seen last. */
export async function* watchTree(
  { db, listener }: Pick<ChangeDeps, "db" | "listener">,
  { caller, changeId, after, signal }: TreeWatch,
): AsyncGenerator<ServerEvent> {
  const bell = createBell();
  const off = listener.on("change_event", (payload) => {
    if (payload === null || payload === changeId) bell.ring();
  });
  signal.addEventListener("abort", bell.ring);
  let last = after;
  let shown = "";
  let over = false;
  try {
    while (!signal.aborted && !over) {
      await bell.rung(LOOK_MS);
      const beganMs = performance.now();
      const look = await lookAfter(db, { caller, changeId, after: last });
      over = isTerminal(look.change.state) && look.sequence === look.change.sequence;
      for (const output of look.outputs) yield { data: output };
      const text = JSON.stringify(look.change);
      if (look.sequence > last || text !== shown) {
        yield { id: String(look.sequence), data: { kind: "tree", change: look.change, states: look.states } };
      }
      last = look.sequence;
      shown = Object.keys(look.states).length === 0 ? text : "";
      await sleep(Math.max(GAP_MS, performance.now() - beganMs), undefined, { signal }).catch(() => undefined);
    }
  } finally {
    off();
    signal.removeEventListener("abort", bell.ring);
  }
}

interface Look {
  readonly sequence: number;
  readonly change: Change;
  readonly states: Readonly<Record<string, TargetState>>;
  readonly outputs: readonly ChangeTreeEvent[];
}

/** What has moved after an event, in one snapshot of the database. */
async function lookAfter(
  db: Kysely<Database>,
  { caller, changeId, after }: Pick<TreeWatch, "caller" | "changeId" | "after">,
): Promise<Look> {
  return await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (tx) => {
      const row = await findChange(tx, caller.tenantId, changeId);
      const { sequence } = row;
      // Who claims to have more than there is sees what comes next, like every other watcher.
      const events = await eventsAfter(tx, changeId, { after: Math.min(after, sequence), limit: READ_AT_ONCE });
      const moved = new Set(events.flatMap(({ type, data }) => targetOf(type, data)));
      const all = await readStates(tx, changeId);
      const states = all.filter((one) => moved.has(one.target_id)).map((one) => [one.target_id, one.state] as const);
      const targetIds = moved.size > TREE_TARGETS ? [] : [...moved];
      const change = await readMoved(tx, { change: row, states: all, targetIds });
      return {
        // Of more than one reading's worth the rest comes with the next look.
        sequence: events.length < READ_AT_ONCE ? sequence : (events.at(-1)?.sequence ?? sequence),
        change: permitted(change, caller),
        states: Object.fromEntries(states),
        outputs: events.filter(({ type }) => type === "output").map(asOutput),
      };
    });
}

function targetOf(type: ChangeEvent["type"], { id, targetId }: ChangeEvent["data"]): string[] {
  const moved = type === "target" ? id : type === "step" ? targetId : null;
  // Of the change as a whole its frame tells.
  return typeof moved === "string" && moved !== OPENING && moved !== CLOSING ? [moved] : [];
}

function asOutput({ sequence, at, data }: ChangeEvent): ChangeTreeEvent {
  const { stepId, target, text } = data;
  return { kind: "output", sequence, at, stepId: stepId as StepId, targetId: String(target), text: String(text) };
}
