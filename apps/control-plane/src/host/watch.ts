/**
 * Invariants:
 * 1. An event of the kind `samples` has the moment of its last sample as its id: who comes back with it misses none.
 * 2. How the host stands is told whole, and only when it has become different.
 * 3. While somebody looks, whoever holds the host's connection is asked for newer numbers; nobody is asked otherwise.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { HostEvent } from "@evenkeel/contracts/host";
import type { HostId, TenantId } from "@evenkeel/contracts/id";
import { createBell } from "@evenkeel/kit/bell";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { ServerEvent } from "../http/index.ts";
import { HOST_SAMPLED_CHANNEL, readHostInstances, readHostSamples, wantHost } from "../sample/index.ts";
import type { HostReadings } from "./readings.ts";
import { showHost } from "./show.ts";
import { readHost } from "./store.ts";

const CHANNELS = ["host_changed", "agent_session", HOST_SAMPLED_CHANNEL];
/** An agent tells its facts so often. */
const WANT_MS = 10_000;
/** A burst of news is one look. */
const GAP_MS = 250;
const SINCE_SECONDS = 3600;
const MOST_SAMPLES = 1000;

export interface HostWatch {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly after: string | null;
  /** The watcher may see what runs there. */
  readonly services: boolean;
  readonly signal: AbortSignal;
}

export interface HostWatchDeps {
  readonly db: Kysely<Database>;
  readonly listener: Listener;
  readonly readings: HostReadings;
}

/** How a host stands and what it uses, from the sample on that the watcher has seen last. */
export async function* watchHost(deps: HostWatchDeps, watch: HostWatch): AsyncGenerator<ServerEvent> {
  const { db, listener } = deps;
  const { tenantId, hostId, signal } = watch;
  const bell = createBell();
  const off = CHANNELS.map((channel) =>
    listener.on(channel, (payload) => {
      if (payload === null || payload.includes(hostId)) bell.ring();
    }),
  );
  signal.addEventListener("abort", bell.ring);
  let { after } = watch;
  let told = "";
  let wantedMs = Number.NEGATIVE_INFINITY;
  try {
    while (!signal.aborted) {
      if (performance.now() - wantedMs >= WANT_MS) {
        wantedMs = performance.now();
        await wantHost(db, hostId);
      }
      await bell.rung(Math.max(0, wantedMs + WANT_MS - performance.now()));
      const standing = await readStanding(deps, watch);
      const text = JSON.stringify(standing);
      if (text !== told) yield { data: standing };
      told = text;
      const items = await readHostSamples(db, {
        tenantId,
        hostId,
        sinceSeconds: SINCE_SECONDS,
        after,
        limit: MOST_SAMPLES,
      });
      const last = items.at(-1);
      if (last !== undefined) yield { id: last.at, data: { kind: "samples", items } satisfies HostEvent };
      after = last?.at ?? after;
      await sleep(GAP_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    for (const each of off) each();
    signal.removeEventListener("abort", bell.ring);
  }
}

async function readStanding({ db, readings }: HostWatchDeps, { tenantId, hostId, services }: HostWatch) {
  const which = { tenantId, hostId };
  const host = showHost({ ...(await readHost(db, which)), ...readings(hostId) });
  const instances = services ? await readHostInstances(db, which) : [];
  return { kind: "standing", host, instances } satisfies HostEvent;
}
