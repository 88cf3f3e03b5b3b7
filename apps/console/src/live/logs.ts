import type { ServiceId } from "@evenkeel/contracts/id";
import type { LogLine } from "@evenkeel/contracts/service";
import { useState } from "react";
import { client } from "../connection.ts";
import { useWhileVisible } from "./visible.ts";

/** A line of a log, with a number of its own in this page. */
export type NumberedLine = LogLine & { readonly number: number };

export interface LiveLog {
  readonly lines: readonly NumberedLine[];
  readonly error: unknown;
}

const FIRST_LINES = 200;
const MOST_LINES = 2000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/**
 * What the instances of a service write, live. Logs have no numbers to go on from: after a cut the last lines are read anew. Who asks is
 * keyed by service and host.
 */
export function useLogs(serviceId: ServiceId, host: string | null): LiveLog {
  const [log, setLog] = useState<LiveLog>({ lines: [], error: null });
  useWhileVisible(async (signal) => {
    for (let waitMs = FIRST_PAUSE_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, LONGEST_PAUSE_MS)) {
      try {
        await follow({ serviceId, host, signal }, (lines) => setLog({ lines, error: null }));
        waitMs = FIRST_PAUSE_MS;
      } catch (error) {
        if (!signal.aborted) setLog((now) => ({ ...now, error }));
      }
      await pause(waitMs, signal);
    }
  }, `${serviceId} ${host}`);
  return log;
}

interface Followed {
  readonly serviceId: ServiceId;
  readonly host: string | null;
  readonly signal: AbortSignal;
}

/** Shows a burst of lines once, with the next frame. */
async function follow(
  { serviceId, host, signal }: Followed,
  show: (lines: readonly NumberedLine[]) => void,
): Promise<void> {
  let lines: NumberedLine[] = [];
  let number = 0;
  let due = false;
  const query = { lines: FIRST_LINES, follow: "true" as const, signal, ...(host !== null && { host }) };
  for await (const line of client.readLogs(serviceId, query)) {
    number += 1;
    lines = [...lines.slice(1 - MOST_LINES), { ...line, number }];
    if (due) continue;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      if (!signal.aborted) show(lines);
    });
  }
}
