import { PlatformError } from "@evenkeel/contracts/error";
import type { HostId, ServiceId } from "@evenkeel/contracts/id";
import { LogLine } from "@evenkeel/contracts/service";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type EventQueue, eventQueue, type ServerEvent } from "../http/index.ts";
import type { AgentLinks } from "./links.ts";
import { readEvents } from "./log-proxy.ts";
import type { LogRequest } from "./log-reader.ts";
import { type HostWhereabouts, whereabouts } from "./store/index.ts";

export interface LogQuery {
  readonly serviceId: ServiceId;
  readonly hosts: readonly { readonly hostId: HostId; readonly name: string }[];
  readonly lines: number;
  readonly follow: boolean;
  /** The headers by which the caller is known; another replica checks them again. */
  readonly credentials: Readonly<Record<string, string>>;
  /** True: another replica asks, and what is not here is not asked for elsewhere. */
  readonly forwarded: boolean;
}

export type ReadLogs = (query: LogQuery) => Promise<AsyncIterable<ServerEvent>>;

/** Marks a request that one replica makes of another. */
export const FORWARDED_HEADER = "x-evenkeel-forwarded";

/** A reader that is this far behind is cut off; it reads much and bursts at the beginning. */
const QUEUE_LIMIT = 100_000;

/** Reads the logs of a service on all its hosts as one stream, each from the replica that holds the host's connection. */
export function logReader({ db, links }: { readonly db: Kysely<Database>; readonly links: AgentLinks }): ReadLogs {
  return async (query) => {
    const found = await whereabouts(
      db,
      query.hosts.map(({ hostId }) => hostId),
    );
    if (found.length === 0) throw new PlatformError("HOSTS_OFFLINE", { count: query.hosts.length });
    const stops: (() => void)[] = [];
    const stopAll = (): void => {
      for (const stop of stops) stop();
    };
    const queue = eventQueue({ limit: QUEUE_LIMIT, onClose: stopAll });
    const online = new Set(found.map(({ hostId }) => hostId));
    for (const { hostId, name } of query.hosts) if (!online.has(hostId)) pushOffline(queue, name);
    let open = found.length;
    const ended = (): void => {
      open -= 1;
      if (open === 0) queue.end();
    };
    for (const host of found) stops.push(startReading({ links, queue, query, ended }, host));
    return queue;
  };
}

interface Reading {
  readonly links: AgentLinks;
  readonly queue: EventQueue;
  readonly query: LogQuery;
  readonly ended: () => void;
}

function startReading({ links, queue, query, ended }: Reading, host: HostWhereabouts): () => void {
  const request: LogRequest = { slot: query.serviceId, lines: query.lines, follow: query.follow };
  const stop = links.readLog(host.hostId, request, {
    lines: (lines) => {
      for (const line of lines) queue.push({ data: { host: host.name, ...line } });
    },
    end: ended,
  });
  if (stop !== null) return stop;
  const leaving = new AbortController();
  if (query.forwarded) queueMicrotask(ended);
  else void forward({ host, query, queue }, leaving.signal).finally(ended);
  return () => leaving.abort();
}

async function forward(
  { host, query, queue }: { readonly host: HostWhereabouts; readonly query: LogQuery; readonly queue: EventQueue },
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(`/api/v1/services/${query.serviceId}/logs`, host.replicaUrl);
  const { lines, follow } = query;
  url.search = new URLSearchParams({ host: host.name, lines: String(lines), follow: String(follow) }).toString();
  const headers = { ...query.credentials, [FORWARDED_HEADER]: "1" };
  try {
    const response = await fetch(url, { headers, signal });
    if (!response.ok || response.body === null) return void pushOffline(queue, host.name);
    for await (const data of readEvents(response.body)) queue.push({ data: LogLine.parse(data) });
  } catch {
    // The replica went away: its agents come to another one, and so does who reads.
    if (!signal.aborted) pushOffline(queue, host.name);
  }
}

function pushOffline(queue: EventQueue, host: string): void {
  const text = `(no log: host ${host} is not connected)`;
  queue.push({ data: { host, letter: "a", stream: "stderr", text } satisfies LogLine });
}
