/**
 * Invariants:
 * 1. Each event says how something stands, never what has become of it: one that is lost is made good by the next, and who comes back
 *    needs no memory of ours.
 * 2. What stands is read after the notification that woke us.
 * 3. What has not become different is not told again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { WorkspaceEvent } from "@evenkeel/contracts/overview";
import { mayDo } from "@evenkeel/contracts/principal";
import { createBell } from "@evenkeel/kit/bell";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import { readChangesById } from "../change/index.ts";
import type { Database } from "../database.ts";
import type { Caller, ServerEvent } from "../http/index.ts";
import type { FindingSource } from "../system/index.ts";
import { readElsewhere, readHostStanding, readServices, recentChanges, type Where } from "./store.ts";

export interface OverviewDeps {
  readonly db: Kysely<Database>;
  readonly listener: Listener;
  readonly findings: readonly FindingSource[];
}

export interface WorkspaceWatch extends Where {
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

const CHANNELS = ["change_event", "host_changed", "agent_session", "traffic"];
/** A burst of news is one look. */
const GAP_MS = 250;
/** A look at a change of thousands of hosts is work, and whoever carries that change out needs the same processors. */
const PAUSE_PER_WORK = 4;
/** What nobody announces – a replica that died with its hosts – is seen so soon. */
const LOOK_MS = 3000;
const FINDINGS_MS = 3000;

/** How a workspace stands, and what becomes different. */
export async function* watchWorkspace(deps: OverviewDeps, watch: WorkspaceWatch): AsyncGenerator<ServerEvent> {
  const { signal } = watch;
  const bell = createBell();
  const off = CHANNELS.map((channel) => deps.listener.on(channel, bell.ring));
  signal.addEventListener("abort", bell.ring);
  const teller = createTeller(deps, watch);
  try {
    for (let first = true; !signal.aborted; first = false) {
      await bell.rung(LOOK_MS);
      const beganMs = performance.now();
      for await (const event of teller.look()) yield { data: event };
      if (first) yield { data: { kind: "whole" } satisfies WorkspaceEvent };
      await sleep(Math.max(GAP_MS, PAUSE_PER_WORK * (performance.now() - beganMs)), undefined, { signal }).catch(
        () => undefined,
      );
    }
  } finally {
    for (const each of off) each();
    signal.removeEventListener("abort", bell.ring);
  }
}

function createTeller({ db, findings }: OverviewDeps, { caller, ...where }: WorkspaceWatch) {
  const may = (permission: string) => mayDo(caller.may, permission);
  const sequences = new Map<ChangeId, number>();
  const told = new Map<string, string>();
  let foundAtMs = Number.NEGATIVE_INFINITY;

  const changes = async (): Promise<WorkspaceEvent[]> => {
    if (!may("change:read")) return [];
    const recent = await recentChanges(db, where);
    const moved = recent.filter(({ id, sequence }) => sequences.get(id) !== sequence);
    for (const { id, sequence } of moved) sequences.set(id, sequence);
    const here = new Set(recent.map(({ id }) => id));
    for (const id of sequences.keys()) if (!here.has(id)) sequences.delete(id);
    const ids = moved.map(({ id }) => id);
    return (await readChangesById(db, caller, ids)).map((change) => ({ kind: "change", change }));
  };
  const standing = async (): Promise<WorkspaceEvent[]> => {
    if (!may("service:read") || !may("host:read")) return [];
    const [services, hosts] = await Promise.all([readServices(db, where), readHostStanding(db, where)]);
    return [{ kind: "standing", services, hosts }];
  };
  const found = async (): Promise<WorkspaceEvent[]> => {
    if (!may("doctor:read") || performance.now() - foundAtMs < FINDINGS_MS) return [];
    foundAtMs = performance.now();
    const all = (await Promise.all(findings.map((find) => find(where.tenantId, caller)))).flat();
    const elsewhere = await readElsewhere(db, where, [...new Set(all.flatMap(({ about = [] }) => about))]);
    const items = all.filter(({ about = [] }) => !about.some((id) => elsewhere.has(id)));
    return [{ kind: "findings", items }];
  };
  const isNews = (event: WorkspaceEvent): boolean => {
    if (event.kind === "change") return true;
    const text = JSON.stringify(event);
    if (told.get(event.kind) === text) return false;
    told.set(event.kind, text);
    return true;
  };
  async function* look(): AsyncGenerator<WorkspaceEvent> {
    // Asked for at once and told as they come: a page that opens waits for the slowest of them, not for their sum.
    const parts = [standing(), changes(), found()];
    // One that fails while another is waited for is thrown when its turn comes.
    for (const part of parts) part.catch(() => undefined);
    for (const part of parts) for (const event of await part) if (isNews(event)) yield event;
  }
  return { look };
}
