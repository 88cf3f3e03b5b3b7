import type { Log } from "./log.ts";

/** Closes one thing; `hurry` is aborted when a second signal asks for haste. */
export type Close = (hurry: AbortSignal) => Promise<void> | void;

/** What to close when the process is asked to end. */
export interface Shutdown {
  /** Is closed before everything that was added earlier. */
  add(name: string, close: Close): void;
  /** Closes all, last added first; a second call waits for the first one. */
  close(reason: string): Promise<void>;
  /** True from the first request on. */
  readonly closing: boolean;
}

/** Where it logs and how it ends; `exit` is for a process that has more to do after the last close. */
export interface ShutdownOptions {
  readonly log: Log;
  readonly signals?: readonly NodeJS.Signals[];
  readonly exit?: (code: number) => void;
}

/** Ends the process in order on SIGTERM and SIGINT: the first asks, the second hurries, the third ends it at once. */
export function onShutdown({ log, signals = ["SIGTERM", "SIGINT"], exit = process.exit }: ShutdownOptions): Shutdown {
  const parts: { name: string; close: Close }[] = [];
  const hurry = new AbortController();
  let running: Promise<void> | undefined;
  let asked = 0;

  const closeAll = async (reason: string): Promise<void> => {
    log.info({ reason }, "closing");
    // Taken one by one: what is still being opened may add itself meanwhile.
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { name, close } = part;
      try {
        await close(hurry.signal);
      } catch (error) {
        // One part that fails to close must not keep the others open.
        log.error({ err: error, name }, "not closed");
      }
    }
    log.info("closed");
  };

  const shutdown: Shutdown = {
    add: (name, close) => {
      parts.push({ name, close });
    },
    close: (reason) => {
      running ??= closeAll(reason);
      return running;
    },
    get closing() {
      return running !== undefined;
    },
  };

  for (const signal of signals) {
    process.on(signal, () => {
      asked += 1;
      if (asked === 2) hurry.abort();
      if (asked > 2) exit(1);
      if (asked === 1) void shutdown.close(signal).then(() => exit(0));
    });
  }
  return shutdown;
}
