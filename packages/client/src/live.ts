import { pause } from "./call.ts";
import { readEvents } from "./event-stream.ts";
import { backOff } from "./follow.ts";

/** What a watcher of a stream may say. */
export interface LiveOptions {
  readonly signal?: AbortSignal;
  /** True when the stream stands, false when it was cut and is being opened again. */
  readonly onLink?: (up: boolean) => void;
  /** The last event that the watcher has. */
  readonly after?: string;
  /** How long nobody may answer before the watcher gives up; by default he stays: he may have slept. */
  readonly giveUpMs?: number;
}

interface Live<Event> extends LiveOptions {
  /** Opens the stream after the event with this id; empty = from the beginning. */
  readonly open: (last: string) => Promise<ReadableStream<Uint8Array>>;
  readonly parse: (data: string) => Event;
  /** After this event an end of the stream is its end. */
  readonly isLast?: (event: Event) => boolean;
}

// 1. A cut stream is opened again after the last event that had an id, for as long as the watcher stays.
// 2. It ends with the stream after its last event, with the signal, and with an error that no later try can mend.

/** Follows a stream over cuts, restarts and replicas. */
export async function* live<Event>(what: Live<Event>): AsyncGenerator<Event> {
  const { signal, onLink, giveUpMs = Number.POSITIVE_INFINITY } = what;
  const back = backOff(giveUpMs);
  const place = { last: what.after ?? "", over: false };
  while (!signal?.aborted) {
    try {
      for await (const event of oneConnection(what, place)) {
        back.reset();
        yield event;
      }
      if (place.over) return;
    } catch (error) {
      if (signal?.aborted) return;
      back.judge(error);
    }
    onLink?.(false);
    await pause(back.nextMs(), signal).catch(() => undefined);
  }
}

async function* oneConnection<Event>(
  { open, parse, isLast, onLink }: Live<Event>,
  place: { last: string; over: boolean },
): AsyncGenerator<Event> {
  const body = await open(place.last);
  onLink?.(true);
  for await (const { id, data } of readEvents(body, { url: "" })) {
    const event = parse(data);
    yield event;
    // Only now the watcher has it.
    if (id !== "") place.last = id;
    place.over = isLast?.(event) ?? false;
  }
}
