import { type InstanceStatistics, LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { InstanceKey } from "@evenkeel/contracts/route-table";

/** How a request ended, as the instance is judged by it: an answer that the gateway gave in its place is not a status of its own. */
export type Ending =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "connect-error" | "unavailable" | "cut" | "client-abort" };

/** What there is at a moment; all else is counted over a time. */
type Present = Pick<InstanceStatistics, "inFlight" | "longLived" | "queued" | "connections">;

const BUCKETS = LATENCY_BOUNDS_MS.length + 1;

/** Index in the histogram: the first bound that is not below. */
export function bucketOf(latencyMs: number): number {
  let low = 0;
  let high: number = LATENCY_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((LATENCY_BOUNDS_MS[middle] ?? 0) < latencyMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What one instance did since it was last asked; `instance` null stands for a service that had none. */
export class Counter {
  readonly serviceId: ServiceId;
  readonly instance: InstanceKey | null;
  readonly version: string;
  #requests = 0;
  readonly #byClass = [0, 0, 0, 0, 0, 0];
  #connectErrors = 0;
  #unavailable = 0;
  #cut = 0;
  #clientAborts = 0;
  retries = 0;
  #latency = new Array<number>(BUCKETS).fill(0);

  constructor(serviceId: ServiceId, instance: InstanceKey | null, version: string) {
    this.serviceId = serviceId;
    this.instance = instance;
    this.version = version;
  }

  ended(ending: Ending, latencyMs: number): void {
    this.#requests += 1;
    switch (ending.kind) {
      case "answered":
        this.#countStatus(ending.status);
        this.#countLatency(latencyMs);
        break;
      case "connect-error":
        this.#connectErrors += 1;
        break;
      case "unavailable":
        this.#unavailable += 1;
        break;
      case "cut":
        this.#cut += 1;
        break;
      case "client-abort":
        this.#clientAborts += 1;
        break;
    }
  }

  #countStatus(status: number): void {
    const group = Math.min(5, Math.trunc(status / 100));
    this.#byClass[group] = (this.#byClass[group] ?? 0) + 1;
  }

  #countLatency(latencyMs: number): void {
    const bucket = bucketOf(latencyMs);
    this.#latency[bucket] = (this.#latency[bucket] ?? 0) + 1;
  }

  /** The numbers since the last call, and what is there now; null when nothing happened and nobody is served or waits. */
  take({ inFlight = 0, longLived = 0, queued = 0, connections = 0 }: Partial<Present>): InstanceStatistics | null {
    if (this.#requests + this.retries + inFlight + longLived + queued === 0) return null;
    const [, , status2xx = 0, status3xx = 0, status4xx = 0, status5xx = 0] = this.#byClass;
    const row: InstanceStatistics = {
      serviceId: this.serviceId,
      instance: this.instance,
      version: this.version,
      requests: this.#requests,
      status2xx,
      status3xx,
      status4xx,
      status5xx,
      connectErrors: this.#connectErrors,
      unavailable: this.#unavailable,
      cut: this.#cut,
      retries: this.retries,
      clientAborts: this.#clientAborts,
      inFlight,
      longLived,
      queued,
      connections,
      latency: this.#latency,
    };
    this.#requests = this.#connectErrors = this.#unavailable = this.#cut = this.#clientAborts = this.retries = 0;
    this.#byClass.fill(0);
    this.#latency = new Array<number>(BUCKETS).fill(0);
    return row;
  }
}

/** One row for each instance: where two parts of a gateway have served it, their sum. */
export function mergeRows(rows: readonly InstanceStatistics[]): InstanceStatistics[] {
  const merged = new Map<string, InstanceStatistics>();
  for (const row of rows) {
    const key = `${row.serviceId} ${row.instance} ${row.version}`;
    const before = merged.get(key);
    merged.set(key, before === undefined ? row : sumOf(before, row));
  }
  return [...merged.values()];
}

function sumOf(one: InstanceStatistics, other: InstanceStatistics): InstanceStatistics {
  const sum = { ...one, latency: one.latency.map((count, index) => count + (other.latency[index] ?? 0)) };
  for (const [field, value] of Object.entries(other)) {
    if (typeof value === "number")
      Object.assign(sum, { [field]: value + Number(one[field as keyof InstanceStatistics]) });
  }
  return sum;
}
