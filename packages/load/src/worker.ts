// Sends requests at their time, in a thread of its own.
// Invariants:
// 1. Request number n is due at start + n / rate, however late earlier ones are answered: a slow server makes no gap.
// 2. Latency counts from when the request was due, so that a stall of either side is seen in it.
// 3. A request ends exactly once, as ok or as failed; the sum of both and of those in flight is what was sent.
import { parentPort, workerData } from "node:worker_threads";
import { keptConnections, sendOnce } from "./one-request.ts";
import { KINDS, type Kind, type LoadOptions } from "./report.ts";
import { Tally } from "./tally.ts";

export type Order = { readonly kind: "mark"; readonly name: string } | { readonly kind: "stop" };

const TICK_MS = 2;
const SNAPSHOT_MS = 200;

const port = parentPort;
if (port === null) throw new Error("this file runs in a worker thread");
const options = workerData as LoadOptions;
const { rate, hostHeader, timeoutMs = 5000, bodyBytes = 512, maxInFlight = 2000 } = options;
const url = new URL(options.url);
const kinds = shuffle(options.mix);
const kept = keptConnections();
const tally = new Tally(options.keptFailures);
const startedAt = performance.now();
let stopping = false;

/** Kinds in turn, each as often as its share in a round of a hundred or so. */
function shuffle(mix: LoadOptions["mix"]): Kind[] {
  const shares = KINDS.map((kind) => ({ kind, share: mix === undefined ? 1 : (mix[kind] ?? 0), current: 0 }));
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  if (total <= 0) throw new Error("the mix holds no kind");
  return Array.from({ length: 120 }, () => {
    for (const entry of shares) entry.current += entry.share;
    const next = shares.reduce((best, entry) => (entry.current > best.current ? entry : best));
    next.current -= total;
    return next.kind;
  });
}

function sendDue(): void {
  const due = Math.floor(((performance.now() - startedAt) / 1000) * rate);
  while (!stopping && tally.sent < due) {
    const kind = kinds[tally.sent % kinds.length] as Kind;
    const dueAt = startedAt + ((tally.sent + 1) / rate) * 1000;
    tally.sent += 1;
    if (tally.inFlight >= maxInFlight) {
      const error = `${maxInFlight} requests were open`;
      tally.failed(kind, { kind: "overload", error, sentAt: new Date() });
    } else void send(kind, dueAt);
  }
}

async function send(kind: Kind, dueAt: number): Promise<void> {
  tally.inFlight += 1;
  const sentAt = new Date();
  const outcome = await sendOnce(kept, { url, hostHeader, kind, timeoutMs, bodyBytes });
  tally.inFlight -= 1;
  if (outcome.ok) tally.ok(kind, outcome.version, performance.now() - dueAt);
  else tally.failed(kind, { ...outcome, sentAt });
  if (stopping && tally.inFlight === 0) finish();
}

function finish(): void {
  for (const timer of timers) clearInterval(timer);
  kept.destroy();
  port?.postMessage({ kind: "report", report: tally.report() });
  port?.close();
}

const timers = [
  setInterval(sendDue, TICK_MS),
  setInterval(() => port.postMessage({ kind: "snapshot", snapshot: tally.snapshot() }), SNAPSHOT_MS),
  setInterval(() => {
    const second = tally.tick();
    port.postMessage({ kind: "second", second, snapshot: tally.snapshot() });
  }, 1000),
];

port.on("message", (order: Order) => {
  if (order.kind === "mark") tally.mark(order.name);
  else {
    stopping = true;
    if (tally.inFlight === 0) finish();
  }
});
