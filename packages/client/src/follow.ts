import type { Change, ChangeEvent } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import { ERRORS, PlatformError } from "@evenkeel/contracts/error";
import { pause } from "./call.ts";
import { readEvents } from "./event-stream.ts";

interface Following {
  readonly after: number;
  readonly signal: AbortSignal | undefined;
  /** Opens the stream after the event with this sequence. */
  readonly open: (last: number) => Promise<ReadableStream<Uint8Array>>;
  readonly parse: (data: string) => ChangeEvent;
  /** The change as it stands: tells a stream that is over from one that was cut. */
  readonly look: () => Promise<Change>;
}

/** How long all control planes may be away before a watcher gives up. */
const GIVE_UP_MS = 120_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;

// 1. Each event is yielded once, in the order of its sequence: what comes again after a reconnect is dropped.
// 2. It ends only when the change is terminal and its last event was yielded.

/** Follows the events of a change over cuts, restarts and replicas. */
export async function* follow(following: Following): AsyncGenerator<ChangeEvent> {
  const { signal } = following;
  const back = backOff();
  let last = following.after;
  while (!signal?.aborted) {
    try {
      for await (const event of newEvents(following, last)) {
        last = event.sequence;
        back.reset();
        yield event;
      }
      if (await isOver(following, last)) return;
    } catch (error) {
      back.judge(error);
    }
    await pause(back.nextMs(), signal).catch(() => undefined);
  }
}

async function isOver({ look }: Following, last: number): Promise<boolean> {
  const change = await look();
  return isTerminal(change.state) && last >= change.sequence;
}

async function* newEvents({ open, parse }: Following, after: number): AsyncGenerator<ChangeEvent> {
  let last = after;
  for await (const { data } of readEvents(await open(last), { url: "" })) {
    const event = parse(data);
    if (event.sequence <= last) continue;
    last = event.sequence;
    yield event;
  }
}

/** Pauses that grow with failures in a row; after `giveUpMs` of nothing else the failure is thrown. */
export function backOff(giveUpMs = GIVE_UP_MS) {
  let since: number | null = null;
  let waitMs = FIRST_PAUSE_MS;
  return {
    reset() {
      since = null;
      waitMs = FIRST_PAUSE_MS;
    },
    /** Throws what no later try can mend, and anything once it has lasted too long. */
    judge(error: unknown) {
      since ??= performance.now();
      if (!comesBack(error) || performance.now() - since > giveUpMs) throw error;
    },
    nextMs() {
      const now = waitMs;
      waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS);
      return now;
    },
  };
}

/** Says whether a later try may help: a cut connection is no PlatformError; ours say it themselves. */
export function comesBack(error: unknown): boolean {
  if (error instanceof PlatformError) return ERRORS[error.code].retry === "later";
  return error instanceof TypeError || (error instanceof Error && error.name === "AbortError");
}
