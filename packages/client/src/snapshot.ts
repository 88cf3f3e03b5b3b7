import type { Change } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { pause } from "./call.ts";
import type { Client } from "./client.ts";
import { backOff } from "./follow.ts";
import { changeOf, mergeTree, type Tree, treeOf } from "./tree.ts";

/** A change as it stands, with its rollback if there is one, and what its scripts have printed since the last one. */
export interface Snapshot {
  readonly change: Change;
  readonly rollback: Change | null;
  readonly outputs: readonly { readonly target: string; readonly text: string }[];
  /** Since when no control plane has told anything; the change goes on, and so does who follows it. */
  readonly awaySince: string | null;
}

export interface SnapshotOptions {
  readonly signal?: AbortSignal;
  /** Tell it again after this long without news. */
  readonly everyMs?: number;
}

/** A control plane that is restarted, or another one that takes over, is nothing to speak of. */
const AWAY_MS = 2000;
/** How long all control planes may be away before a follower gives up. */
const GIVE_UP_MS = 120_000;
/** Of a change with more events than the server reads at once only what comes is followed. */
const MOST_EVENTS = 5000;

// 1. Nothing is asked for again and again: a picture comes when something has moved, and is merged into what is known.
// 2. The last snapshot shows the terminal state with all that led to it, and beside `rolled-back` the rollback at its end.
// 3. What scripts have printed is told once, however often the stream is cut; from the first line on, but for changes with very many events.

/** Follows a change, and the rollback that it turned into, until it is terminal. */
export async function* followChange(
  client: Client,
  changeId: ChangeId,
  { signal, everyMs }: SnapshotOptions = {},
): AsyncGenerator<Snapshot> {
  const stop = new AbortController();
  const bell = createBell();
  const look = looking(
    { client, bell, signal: AbortSignal.any(signal ? [stop.signal, signal] : [stop.signal]) },
    changeId,
  );
  signal?.addEventListener("abort", bell.ring);
  try {
    for (;;) {
      const news = await bell.rung(everyMs);
      if (signal?.aborted) return;
      const snapshot = look();
      // What is not told at all is not told again.
      if (snapshot === null || (!news && snapshot.awaySince !== null)) continue;
      yield snapshot;
      if (isTerminal(snapshot.change.state)) return;
    }
  } finally {
    signal?.removeEventListener("abort", bell.ring);
    stop.abort();
  }
}

/** Begins to listen; what it gives tells what is known by then. */
function looking(following: Following, changeId: ChangeId): () => Snapshot | null {
  const main = listen(following, changeId);
  let back: Followed | null = null;
  return () => {
    const rollbackId = main.tree?.change.rollbackChangeId ?? null;
    if (rollbackId !== null) back ??= listen(following, rollbackId);
    return snapshotOf(main, back);
  };
}

/** A change as it has been told so far. */
interface Followed {
  tree: Tree | null;
  over: boolean;
  awaySince: string | null;
  outputs: { target: string; text: string }[];
}

interface Following {
  readonly client: Client;
  readonly bell: Bell;
  readonly signal: AbortSignal;
}

function listen(following: Following, changeId: ChangeId): Followed {
  const followed: Followed = { tree: null, over: false, awaySince: null, outputs: [] };
  void pump(following, changeId, followed).catch((error: unknown) => following.bell.fail(error));
  return followed;
}

async function pump({ client, bell, signal }: Following, changeId: ChangeId, followed: Followed): Promise<void> {
  const change = await firstLook(client, changeId, signal);
  if (change === null) return;
  followed.tree = treeOf(change);
  bell.ring();
  let printed = 0;
  for await (const event of client.watchChangeTree(changeId, {
    ...{ signal, onLink: watchLink(followed, { bell, signal }), giveUpMs: GIVE_UP_MS },
    ...(change.sequence > MOST_EVENTS && { after: String(change.sequence) }),
  })) {
    if (event.kind === "tree") followed.tree = mergeTree(followed.tree, event);
    // After a cut the same may come again.
    else if (event.sequence > printed) {
      printed = event.sequence;
      followed.outputs.push({ target: event.targetId, text: event.text });
    }
    bell.ring();
  }
  followed.over = true;
  bell.ring();
}

/** What has not begun has no events of its targets yet: they stand in the change as it is read. Null = told to stop. */
async function firstLook(client: Client, changeId: ChangeId, signal: AbortSignal): Promise<Change | null> {
  const back = backOff(GIVE_UP_MS);
  while (!signal.aborted) {
    try {
      return await client.getChange({ params: { changeId }, signal });
    } catch (error) {
      if (!signal.aborted) back.judge(error);
    }
    await pause(back.nextMs(), signal).catch(() => undefined);
  }
  return null;
}

/** Rings when the link has been down for a while, and when it is up again after that. */
function watchLink(followed: Followed, { bell, signal }: Omit<Following, "client">): (up: boolean) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const forget = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  signal.addEventListener("abort", forget, { once: true });
  return (up) => {
    if (up) {
      forget();
      if (followed.awaySince !== null) bell.ring();
      followed.awaySince = null;
    } else if (timer === undefined && !signal.aborted) {
      const since = new Date().toISOString();
      timer = setTimeout(() => {
        followed.awaySince = since;
        bell.ring();
      }, AWAY_MS);
    }
  };
}

/** Null where not all of it has been told. */
function snapshotOf(main: Followed, back: Followed | null): Snapshot | null {
  if (main.tree === null || (back !== null && back.tree === null)) return null;
  const { state } = main.tree.change;
  if (isTerminal(state) && !main.over) return null;
  if (state === "rolled-back" && back !== null && !back.over) return null;
  return {
    change: changeOf(main.tree),
    rollback: back === null || back.tree === null ? null : changeOf(back.tree),
    outputs: [main, ...(back === null ? [] : [back])].flatMap(takeOutputs),
    awaySince: main.awaySince,
  };
}

/** Events tell of targets by id, people by name. */
function takeOutputs({ tree, outputs }: Followed): Snapshot["outputs"] {
  return outputs.splice(0).map(({ target, text }) => ({ target: tree?.targets.get(target)?.name ?? target, text }));
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
    /** False where it has not rung within that time. */
    async rung(withinMs?: number): Promise<boolean> {
      if (!pulled && failure === null) {
        await new Promise<void>((resolve) => {
          const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      if (failure !== null) throw failure.error;
      const rang = pulled;
      pulled = false;
      return rang;
    },
  };
}
