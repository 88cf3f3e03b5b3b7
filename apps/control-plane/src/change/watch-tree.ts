/**
 * Invariants:
 * 1. Only an event of the kind `tree` has an id, and it shows at least what the change's events up to that id tell of: who comes back with
 *    it misses nothing. What scripts have printed since may come again; its sequence tells.
 * 2. What moved is read after the notification that woke us, so no picture is older than the events before it.
 * 3. A burst of events is one picture; the pause between two grows with the work that one is.
 * 4. Watchers of the same change share their looks (`lookout.ts`), and those who may do the same their pictures.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeEvent, ChangeTreeEvent } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId, StepId } from "@evenkeel/contracts/id";
import { createBell } from "@evenkeel/kit/bell";
import type { Caller, ServerEvent } from "../http/index.ts";
import type { ChangeDeps } from "./deps.ts";
import { joinLookout, type Look } from "./lookout.ts";
import { permitted } from "./permitted.ts";

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
  const lookout = joinLookout(db, { tenantId: caller.tenantId, changeId });
  const off = listener.on("change_event", (payload) => {
    if (payload === null) lookout.forget();
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
      const look = await lookout.lookAfter(last);
      over = isTerminal(look.change.state) && look.complete;
      for (const output of look.outputs) yield { data: asOutput(output) };
      const { text, event } = pictureFor(look, caller);
      if (look.sequence > last || text !== shown) yield event;
      last = look.sequence;
      shown = Object.keys(look.states).length === 0 ? text : "";
      await sleep(Math.max(GAP_MS, performance.now() - beganMs), undefined, { signal }).catch(() => undefined);
    }
  } finally {
    lookout.leave();
    off();
    signal.removeEventListener("abort", bell.ring);
  }
}

interface Picture {
  /** The change as JSON, for comparison. */
  readonly text: string;
  readonly event: ServerEvent;
}

/** Pictures of a look, by what the watcher may do: most may do the same. */
const pictures = new WeakMap<Look, Map<string, Picture>>();

function pictureFor(look: Look, caller: Caller): Picture {
  const made = pictures.get(look) ?? new Map<string, Picture>();
  pictures.set(look, made);
  const who = JSON.stringify(caller.may);
  const known = made.get(who);
  if (known !== undefined) return known;
  const { sequence, states } = look;
  const data: ChangeTreeEvent = { kind: "tree", change: permitted(look.change, caller), states };
  const text = JSON.stringify(data.change);
  const json = `{"kind":"tree","change":${text},"states":${JSON.stringify(states)}}`;
  const picture = { text, event: { id: String(sequence), data, json } };
  made.set(who, picture);
  return picture;
}

function asOutput({ sequence, at, data }: ChangeEvent): ChangeTreeEvent {
  const { stepId, target, text } = data;
  return { kind: "output", sequence, at, stepId: stepId as StepId, targetId: String(target), text: String(text) };
}
