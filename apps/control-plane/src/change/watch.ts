import type { ChangeEvent } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId, TenantId } from "@evenkeel/contracts/id";
import { createBell } from "@evenkeel/kit/bell";
import type { ServerEvent } from "../http/index.ts";
import type { ChangeDeps } from "./deps.ts";
import { sequenceOf, stateOfChange } from "./store/change.ts";
import { eventsAfter } from "./store/event.ts";

const READ_AT_ONCE = 1000;

export interface Watch {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
  /** The last event that the watcher has. */
  readonly after: number;
  readonly signal: AbortSignal;
}

/** The life of a change from an event on: every event once, on any replica, until the terminal state. */
export async function* watchChange(
  { db, listener }: Pick<ChangeDeps, "db" | "listener">,
  { tenantId, changeId, after, signal }: Watch,
): AsyncGenerator<ServerEvent> {
  await sequenceOf(db, tenantId, changeId);
  const bell = createBell();
  const off = listener.on("change_event", (payload) => {
    if (payload === null || payload === changeId) bell.ring();
  });
  signal.addEventListener("abort", bell.ring);
  try {
    let last = after;
    while (!signal.aborted) {
      await bell.rung();
      if (signal.aborted) return;
      // The state is read before the events: a terminal one means that all events are there.
      const state = await stateOfChange(db, changeId);
      const events = await eventsAfter(db, changeId, { after: last, limit: READ_AT_ONCE });
      for (const event of events) yield asServerEvent(event);
      last = events.at(-1)?.sequence ?? last;
      if (events.length === READ_AT_ONCE) bell.ring();
      else if (isTerminal(state)) return;
    }
  } finally {
    off();
    signal.removeEventListener("abort", bell.ring);
  }
}

const asServerEvent = (event: ChangeEvent): ServerEvent => ({ id: String(event.sequence), data: event });
