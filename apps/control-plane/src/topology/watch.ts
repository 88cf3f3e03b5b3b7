/**
 * Invariants:
 * 1. The first event is whole; who comes back begins anew and needs no memory of ours.
 * 2. What stands is read after the notification that woke us; what nobody announces – health, a replica that died – is seen within `LOOK_MS`.
 * 3. A node is told again only when it has become different; traffic each second, and silence once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { mayDo } from "@evenkeel/contracts/principal";
import type { TopologyEvent } from "@evenkeel/contracts/topology";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Caller, ServerEvent } from "../http/index.ts";
import { readInstanceRates } from "../sample/index.ts";
import { differenceOf, type Nodes } from "./show.ts";
import { readCells, readHosts, readInstances, readServices, type Where } from "./store.ts";

export interface TopologyDeps {
  readonly db: Kysely<Database>;
  readonly listener: Listener;
}

interface TopologyWatch extends Where {
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

const CHANNELS = ["change_event", "host_changed", "agent_session", "traffic"];
const LOOK_MS = 3000;
/** Samples are made by the second. */
const SECOND_MS = 1000;

/** A workspace as nodes and traffic, and what becomes different. */
export async function* watchTopology(deps: TopologyDeps, watch: TopologyWatch): AsyncGenerator<ServerEvent> {
  const { signal } = watch;
  let rung = true;
  const ring = (): void => {
    rung = true;
  };
  const off = CHANNELS.map((channel) => deps.listener.on(channel, ring));
  const teller = createTeller(deps.db, watch);
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  try {
    while (!signal.aborted) {
      const beganMs = performance.now();
      if (rung || beganMs - lookedAtMs >= LOOK_MS) {
        rung = false;
        lookedAtMs = beganMs;
        const nodes = await teller.nodes();
        if (nodes !== null) yield { data: nodes };
      }
      const traffic = await teller.traffic();
      if (traffic !== null) yield { data: traffic };
      const workMs = performance.now() - beganMs;
      await sleep(Math.max(SECOND_MS - workMs, 2 * workMs), undefined, { signal }).catch(() => undefined);
    }
  } finally {
    for (const each of off) each();
  }
}

function createTeller(db: Kysely<Database>, { caller, ...where }: TopologyWatch) {
  const may = (permission: string) => mayDo(caller.may, permission);
  let told: ReadonlyMap<string, string> | null = null;
  let silent = false;

  const read = async (): Promise<Nodes> => {
    const nothing = { instances: [], instancesInAll: 0 };
    const seesHosts = may("host:read");
    const seesServices = may("service:read");
    const [services, cells, hosts, standing] = await Promise.all([
      seesServices ? readServices(db, where) : [],
      may("cell:read") ? readCells(db, where) : [],
      seesHosts ? readHosts(db, where) : [],
      seesServices && seesHosts ? readInstances(db, where) : nothing,
    ]);
    return { services, cells, hosts, ...standing };
  };
  return {
    nodes: async (): Promise<TopologyEvent | null> => {
      const difference = differenceOf(await read(), told);
      if (difference === null) return null;
      told = difference.told;
      return difference.event;
    },
    traffic: async (): Promise<TopologyEvent | null> => {
      if (!may("service:read")) return null;
      const rates = await readInstanceRates(db, where);
      if (rates.length === 0 && silent) return null;
      silent = rates.length === 0;
      return { kind: "traffic", rates };
    },
  };
}
