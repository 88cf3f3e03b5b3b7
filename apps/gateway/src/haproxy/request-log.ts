import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import { bucketOf } from "../statistics.ts";

/** One request as HAProxy logs it. */
export interface LoggedRequest {
  readonly backend: string;
  readonly server: string;
  readonly status: number;
  readonly latencyMs: number;
  /** How it ended: who ended it, and in which state; `--` is the ordinary end. */
  readonly ending: string;
  readonly requestId: string;
}

/** Reads a line of the format that the configuration sets; null for what HAProxy says about itself. */
export function readRequest(line: string): LoggedRequest | null {
  if (!line.startsWith("R ")) return null;
  const [, backend, server, status, latency, ending, , requestId] = line.split(" ");
  if (backend === undefined || server === undefined || ending === undefined || requestId === undefined) return null;
  return { backend, server, status: Number(status), latencyMs: Number(latency), ending, requestId };
}

/** Histograms by whatever names an instance. */
export class Latencies {
  #rows = new Map<string, number[]>();

  add(key: string, latencyMs: number): void {
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = empty();
      this.#rows.set(key, row);
    }
    const bucket = bucketOf(latencyMs);
    row[bucket] = (row[bucket] ?? 0) + 1;
  }

  /** All since the last call. */
  take(): ReadonlyMap<string, number[]> {
    const rows = this.#rows;
    this.#rows = new Map();
    return rows;
  }
}

export const empty = (): number[] => new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0);
