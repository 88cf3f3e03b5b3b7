/**
 * Invariants:
 * 1. What a host or a base is owed is a row; whatever is done about it is done in one transaction under the lock of that row, so once.
 * 2. Of one slot one convergence is under way at most; one that has not begun and is out of date is replaced by a newer one.
 * 3. A convergence that failed is closed: it must not hold the service against the next release. It is tried again after the
 *    host has connected anew, or when a person asks.
 * 4. Missed notifications are made good by a look every few seconds; any replica may look.
 */

import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { isRefusal } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Transaction } from "kysely";
import { writeAudit } from "../audit/index.ts";
import { type ChangeDeps, closeChange, createChange, expireChange, holderOf, startChange } from "../change/index.ts";
import type { Database } from "../database.ts";
import { answers } from "../placement/plan/index.ts";
import { lockNames } from "../slot/plan/index.ts";
import { baseNamed, planModules } from "./modules/plan.ts";
import { isConverged } from "./plan.ts";
import { readConvergence, readModules } from "./read-world.ts";
import { type DueSlot, dueSlots, linkConvergence, settleSlot, takeDueSlot, type WhichSlot } from "./store.ts";

const BY = "evenkeel";
/** The platform acts by its own right: ordinary verbs, nothing beyond them. */
const SYSTEM = { by: BY, may: (permission: string) => permission.startsWith("change:") };
const LOOK_MS = 5000;
/** Many things happen at once when a change ends or a replica comes: one look is for all of them. */
const GATHER_MS = 200;
const SLOTS_AT_ONCE = 50;

export interface Keeper {
  close(): Promise<void>;
}

/** Brings hosts that come back to what their services run, until it is closed. */
export function startKeeper(deps: ChangeDeps): Keeper {
  let closed = false;
  let again = false;
  let looking: Promise<void> | null = null;
  let gathering: NodeJS.Timeout | null = null;
  const look = (): void => {
    again = true;
    looking ??= (async () => {
      while (again && !closed) {
        again = false;
        again = (await lookOnce(deps)) || again;
      }
    })()
      .catch((error: unknown) => deps.log.warn({ err: error }, "hosts that are behind were not looked at"))
      .finally(() => (looking = null));
  };
  const soon = (): void => {
    gathering ??= setTimeout(() => {
      gathering = null;
      if (!closed) look();
    }, GATHER_MS);
  };
  const off = [deps.listener.on("host_changed", soon), deps.listener.on("change", soon)];
  const timer = setInterval(look, LOOK_MS);
  return {
    close: async () => {
      closed = true;
      for (const end of off) end();
      clearInterval(timer);
      if (gathering !== null) clearTimeout(gathering);
      await looking;
    },
  };
}

/** True when there may be more to do. */
async function lookOnce(deps: ChangeDeps): Promise<boolean> {
  const due = await dueSlots(deps.db, SLOTS_AT_ONCE);
  let done = 0;
  for (const slot of due) {
    try {
      if (await bring(deps, slot)) done += 1;
    } catch (error) {
      // Of one slot: the others are not to wait for it.
      deps.log.warn({ err: error, ...slot }, "a host that is behind was not brought on");
    }
  }
  return done > 0 && due.length === SLOTS_AT_ONCE;
}

/** Does what is to be done about one slot; false = nothing, for now. */
async function bring(deps: ChangeDeps, which: WhichSlot): Promise<boolean> {
  return await inTransaction(deps.db, async (tx) => {
    const due = await takeDueSlot(tx, which);
    if (due === null) return false;
    if (due.state === "failed" && due.changeId !== null) {
      const ask = { tenantId: due.tenantId, changeId: due.changeId, ...SYSTEM, tx };
      await closeChange(deps, ask, { reason: say("reason.given-up") });
      return true;
    }
    return await converge(deps, tx, due);
  });
}

/** How a slot or a base that is there stands; null = it is not there. */
interface Found {
  readonly isConverged: boolean;
  /** What whoever works on it holds. */
  readonly lock: string;
}

async function findSlot(tx: Transaction<Database>, due: DueSlot): Promise<Found | null> {
  const world = await readConvergence(tx, due);
  const host = world.hosts.find(({ id }) => id === due.hostId);
  if (host === undefined || !host.online) return null;
  return { isConverged: isConverged(world, host), lock: lockNames(world, due.service).revision };
}

async function findBase(tx: Transaction<Database>, due: DueSlot): Promise<Found | null> {
  const world = await readModules(tx, due);
  const base = baseNamed(world, due);
  if (base === null || !answers(base)) return null;
  const plan = planModules(due, world);
  return { isConverged: isRefusal(plan) && plan.refused === "MODULES_SO", lock: `base/${base.id}` };
}

async function converge(deps: ChangeDeps, tx: Transaction<Database>, due: DueSlot): Promise<boolean> {
  const { of, tenantId, workspace, service, host } = due;
  const found = of === "modules" ? await findBase(tx, due) : await findSlot(tx, due);
  if (found === null) return false;
  if (due.state === "planned" && due.changeId !== null)
    await expireChange(deps, { tenantId, changeId: due.changeId, ...SYSTEM, tx }, say("reason.newer"));
  if (found.isConverged) {
    // Somebody is at it: what is wanted there is known when that change has ended, and then this is looked at again.
    if ((await holderOf(tx, found.lock)) === null) await settleSlot(tx, due);
    return false;
  }
  const spec = { workspace, service, host, of };
  const reason = say(of === "modules" ? "reason.base-away" : "reason.host-away");
  const changeId = await createChange(deps, tx, { tenantId, by: BY, body: { kind: CONVERGENCE, spec, reason } });
  await startChange(deps, { tenantId, changeId, ...SYSTEM, tx }, { wait: true });
  await linkConvergence(tx, due, changeId);
  await writeAudit(tx, {
    ...{ tenantId, principal: BY, action: `${CONVERGENCE}:create`, resource: `change/${changeId}` },
    ...{ outcome: "done", code: null, details: spec, address: "" },
  });
  return true;
}
