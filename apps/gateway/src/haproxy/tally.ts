import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import type { InstanceKey } from "@evenkeel/contracts/route-table";
import { type Counts, since } from "./counters.ts";
import { instanceOf, readBackendName } from "./pool.ts";
import { empty } from "./request-log.ts";

const WHOLE = "BACKEND";

type Row = { -readonly [Field in keyof InstanceStatistics]: InstanceStatistics[Field] };

/** Turns what workers have counted since they started into what each instance did since it was last asked. */
export class Tally {
  /** By worker, then by backend and server. */
  #before = new Map<number, Map<string, Counts>>();

  /** Counts that were there before us are nobody's second. */
  begin(pid: number, counts: readonly Counts[]): void {
    this.#before.set(pid, byPath(counts));
  }

  /** `workers`: all that still have something to say; what is not named is forgotten. */
  take(
    workers: ReadonlyMap<number, readonly Counts[]>,
    { latencies, versionOf }: { latencies: ReadonlyMap<string, number[]>; versionOf: (server: string) => string },
  ): InstanceStatistics[] {
    const rows = new Map<string, Row>();
    for (const [pid, counts] of workers) {
      const before = this.#before.get(pid);
      for (const count of counts) addTo(rows, since(count, before?.get(pathOf(count))), versionOf);
    }
    this.#before = new Map([...workers].map(([pid, counts]) => [pid, byPath(counts)]));
    for (const [path, histogram] of latencies) {
      const [backend = "", server = ""] = path.split("/");
      const row = rowOf(rows, { backend, server }, versionOf);
      if (row !== null) row.latency = row.latency.map((count, index) => count + (histogram[index] ?? 0));
    }
    for (const row of rows.values()) row.queued = Math.max(0, row.queued);
    return [...rows.values()].filter(hasSomething);
  }
}

const pathOf = ({ backend, server }: { backend: string; server: string }): string => `${backend}/${server}`;
const byPath = (counts: readonly Counts[]): Map<string, Counts> =>
  new Map(counts.map((count) => [pathOf(count), count]));

function hasSomething({ requests, retries, clientAborts, inFlight, longLived, queued }: Row): boolean {
  return requests + retries + clientAborts + inFlight + longLived + queued > 0;
}

function rowOf(
  rows: Map<string, Row>,
  { backend, server }: { backend: string; server: string },
  versionOf: (server: string) => string,
): Row | null {
  const name = readBackendName(backend);
  if (name === null) return null;
  const { serviceId } = name;
  const instance: InstanceKey | null = server === WHOLE ? null : instanceOf(serviceId, server);
  if (server !== WHOLE && instance === null) return null;
  const key = `${serviceId}/${server}`;
  const found = rows.get(key);
  if (found !== undefined) return found;
  const row: Row = {
    serviceId,
    instance,
    version: instance === null ? "" : versionOf(server),
    requests: 0,
    status2xx: 0,
    status3xx: 0,
    status4xx: 0,
    status5xx: 0,
    connectErrors: 0,
    unavailable: 0,
    cut: 0,
    retries: 0,
    clientAborts: 0,
    inFlight: 0,
    longLived: 0,
    queued: 0,
    connections: 0,
    latency: empty(),
  };
  rows.set(key, row);
  return row;
}

function addTo(rows: Map<string, Row>, count: Counts, versionOf: (server: string) => string): void {
  const whole = rowOf(rows, { ...count, server: WHOLE }, versionOf);
  // Those whom a backend has and none of its servers wait.
  if (whole !== null) whole.queued += count.server === WHOLE ? count.current : -count.current;
  const row = rowOf(rows, count, versionOf);
  if (row === null) return;
  if (count.server === WHOLE) {
    // All else of a backend is the sum of its servers.
    row.unavailable += count.denied;
    row.requests += count.denied;
    return;
  }
  const answered = count.status2xx + count.status3xx + count.status4xx + count.status5xx + count.other;
  const connectErrors = count.unconnected + Math.max(0, count.failed - count.cut);
  row.requests += answered + connectErrors;
  row.status2xx += count.status2xx;
  row.status3xx += count.status3xx;
  row.status4xx += count.status4xx;
  row.status5xx += count.status5xx;
  row.connectErrors += connectErrors;
  row.cut += count.cut;
  row.retries += count.retries;
  row.clientAborts += count.clientAborts;
  const mode = readBackendName(count.backend)?.mode;
  // Where none is shared each has its own, and HAProxy counts no connections.
  row.connections += mode === "kept" ? count.connections : count.current;
  if (mode === "raw") row.longLived += count.current;
  else row.inFlight += count.current;
}
