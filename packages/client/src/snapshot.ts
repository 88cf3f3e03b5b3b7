import type { Change } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { pause } from "./call.ts";
import type { Client } from "./client.ts";
import { comesBack } from "./follow.ts";

/** A change as it stands, with its rollback if there is one, and what its scripts have printed since the last look. */
export interface Snapshot {
  readonly change: Change;
  readonly rollback: Change | null;
  readonly outputs: readonly { readonly target: string; readonly text: string }[];
}

export interface SnapshotOptions {
  readonly signal?: AbortSignal;
  /** Look again after this long without an event too, for what moves by itself (a bake). */
  readonly everyMs?: number;
}

/** Between two looks at least, so that a burst of events is one look; longer where a look is a lot of work. */
const GAP_MS = 80;

// 1. A look begins after the event that caused it arrived: no snapshot is older than the events before it.
// 2. The last snapshot shows the terminal state.

/** Looks at a change after each of its events, and at the rollback that it turned into, until it is terminal. */
export async function* followChange(
  client: Client,
  changeId: ChangeId,
  { signal, everyMs }: SnapshotOptions = {},
): AsyncGenerator<Snapshot> {
  const stop = new AbortController();
  const whole = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const bell = createBell();
  const outputs: { target: string; text: string }[] = [];
  const heard = new Set<ChangeId>();
  const listen = (id: ChangeId) => {
    if (heard.has(id)) return;
    heard.add(id);
    void pump(client, id, { bell, outputs, signal: whole });
  };
  try {
    listen(changeId);
    while (!signal?.aborted) {
      const beganMs = performance.now();
      const snapshot = await look(client, changeId);
      const tookMs = performance.now() - beganMs;
      if (snapshot !== null) {
        if (snapshot.rollback !== null) listen(snapshot.rollback.id);
        yield { ...snapshot, outputs: named(outputs.splice(0), snapshot) };
        if (isTerminal(snapshot.change.state)) return;
      }
      await pause(Math.max(GAP_MS, 2 * tookMs));
      await bell.rung(everyMs);
    }
  } finally {
    stop.abort();
  }
}

/** Null while the control plane or its database is away: the events tell when it is back, or that it stays away. */
async function look(client: Client, changeId: ChangeId): Promise<Omit<Snapshot, "outputs"> | null> {
  try {
    const change = await client.getChange({ params: { changeId } });
    const id = change.rollbackChangeId;
    return { change, rollback: id === null ? null : await client.getChange({ params: { changeId: id } }) };
  } catch (error) {
    if (comesBack(error)) return null;
    throw error;
  }
}

/** Events tell of targets by id, people by name. */
function named(outputs: Snapshot["outputs"], { change, rollback }: Omit<Snapshot, "outputs">): Snapshot["outputs"] {
  if (outputs.length === 0) return outputs;
  const targets = [change, rollback]
    .flatMap((each) => each?.groups ?? [])
    .flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  const names = new Map(targets.map(({ targetId, name }) => [targetId, name]));
  return outputs.map(({ target, text }) => ({ target: names.get(target) ?? target, text }));
}

interface Pumping {
  readonly bell: Bell;
  readonly outputs: { target: string; text: string }[];
  readonly signal: AbortSignal;
}

async function pump(client: Client, changeId: ChangeId, { bell, outputs, signal }: Pumping): Promise<void> {
  try {
    for await (const { type, data } of client.watchChange(changeId, { signal })) {
      if (type === "output") outputs.push({ target: String(data.target ?? ""), text: String(data.text ?? "") });
      bell.ring();
    }
    bell.ring();
  } catch (error) {
    if (!signal.aborted) bell.fail(error);
  }
}

type Bell = ReturnType<typeof createBell>;

/** Rings once for any number of pulls since it was last heard. */
function createBell() {
  let pulled = false;
  let failure: { error: unknown } | null = null;
  let wake: () => void = () => undefined;
  return {
    ring() {
      pulled = true;
      wake();
    },
    fail(error: unknown) {
      failure = { error };
      wake();
    },
    async rung(withinMs?: number) {
      if (!pulled && failure === null) {
        await new Promise<void>((resolve) => {
          const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      pulled = false;
      if (failure !== null) throw failure.error;
    },
  };
}
