import type { ServerEvent } from "./handler.ts";

/** Events that are pushed, for a reader that pulls; holds at most `limit` of them. */
export interface EventQueue extends AsyncIterable<ServerEvent> {
  /** False: the reader is too slow, and the stream ends after what it holds; the client comes back where it stopped. */
  push(event: ServerEvent): boolean;
  end(): void;
}

/** Makes a queue; `onClose` runs once when the reader or the writer ends it. */
export function eventQueue({ limit, onClose }: { limit: number; onClose?: () => void }): EventQueue {
  const events: ServerEvent[] = [];
  let ended = false;
  let wake: (() => void) | null = null;
  const end = (): void => {
    if (!ended) {
      ended = true;
      onClose?.();
    }
    wake?.();
  };
  const push = (event: ServerEvent): boolean => {
    if (ended) return false;
    if (events.length >= limit) {
      end();
      return false;
    }
    events.push(event);
    wake?.();
    return true;
  };
  const next = async (): Promise<IteratorResult<ServerEvent>> => {
    for (;;) {
      const value = events.shift();
      if (value !== undefined) return { done: false, value };
      if (ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const stop = async (): Promise<IteratorResult<ServerEvent>> => {
    events.length = 0;
    end();
    return { done: true, value: undefined };
  };
  return { push, end, [Symbol.asyncIterator]: () => ({ next, return: stop }) };
}
