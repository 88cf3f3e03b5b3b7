import { EventEmitter } from "node:events";
import { Worker } from "node:worker_threads";
import type { LoadOptions, LoadReport, LoadSnapshot, Second } from "./report.ts";
import type { Order } from "./worker.ts";

export type { LoadOptions, LoadReport, LoadSnapshot, Second } from "./report.ts";

type Message =
  | { readonly kind: "snapshot"; readonly snapshot: LoadSnapshot }
  | { readonly kind: "second"; readonly second: Second; readonly snapshot: LoadSnapshot }
  | { readonly kind: "report"; readonly report: LoadReport };

/** A load that runs until it is stopped. */
export interface Load {
  /** Ends the window of the report that runs and begins one with this name; the first is called `start`. */
  mark(name: string): void;
  /** Everything up to a fifth of a second ago. */
  snapshot(): LoadSnapshot;
  /** Calls back at the end of each second. */
  on(event: "second", listener: (second: Second, snapshot: LoadSnapshot) => void): void;
  /** Sends no more, waits for what is open, and reports. */
  stop(): Promise<LoadReport>;
}

const NOTHING: LoadSnapshot = {
  elapsedMs: 0,
  sent: 0,
  ok: 0,
  inFlight: 0,
  requests: 0,
  failed: 0,
  byVersion: {},
  p50Ms: null,
  p99Ms: null,
  byKind: {
    "get-new": { ok: 0, failed: 0 },
    "get-kept": { ok: 0, failed: 0 },
    "post-new": { ok: 0, failed: 0 },
    "post-kept": { ok: 0, failed: 0 },
  },
};

/** Starts a constant load, in a thread of its own so that its measurements do not suffer from the work of this one. */
export function startLoad(options: LoadOptions): Load {
  if (!(options.rate > 0)) throw new RangeError(`the rate must be above 0, not ${options.rate}`);
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: options });
  const events = new EventEmitter();
  let latest = NOTHING;
  const reported = new Promise<LoadReport>((resolve, reject) => {
    worker.on("message", (message: Message) => {
      if (message.kind === "report") {
        resolve(message.report);
        return;
      }
      latest = message.snapshot;
      if (message.kind === "second") events.emit("second", message.second, message.snapshot);
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the load ended without a report")));
  });
  reported.catch(() => undefined);
  const tell = (order: Order): void => worker.postMessage(order);
  return {
    mark: (name) => tell({ kind: "mark", name }),
    snapshot: () => latest,
    on: (event, listener) => {
      events.on(event, listener);
    },
    stop: async () => {
      tell({ kind: "stop" });
      return await reported;
    },
  };
}
