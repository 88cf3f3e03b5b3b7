/**
 * Invariants:
 * 1. A stream holds at most one event that its reader has not taken: the source is asked for the next only when the last was written.
 * 2. It ends when the client leaves, when the process is asked to end, when the source ends, or when the client takes nothing for STALLED_MS.
 * 3. The source is closed in each of these cases.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ServerEvent } from "./handler.ts";

const HEARTBEAT_MS = 10_000;
const STALLED_MS = 60_000;

/** Writes the events of `source` to the client until one of both ends. */
export async function writeEvents(
  response: ServerResponse,
  source: AsyncIterable<ServerEvent>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(": alive\n\n");
  }, HEARTBEAT_MS);
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal);
      if (next === null || next.done === true) break;
      if (!response.write(formatEvent(next.value))) await drained(response, signal);
    }
  } catch (error) {
    // The client sees the cut and comes back after the last event that it has.
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(heartbeat);
    response.end();
    // A source that waits is not waited for: it hears the same signal.
    void iterator.return?.()?.catch(() => undefined);
  }
}

function formatEvent({ id, data, json }: ServerEvent): string {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return `${head}data: ${json ?? JSON.stringify(data)}\n\n`;
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, "drain", { signal: AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)]) });
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null;
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const listener = (): void => resolve(null);
  signal.addEventListener("abort", listener, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}
