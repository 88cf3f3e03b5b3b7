/**
 * Invariants:
 * 1. A look begins after it was asked for, so it knows of whatever the asker was woken by; who asks while another look is under way for the
 *    same event shares the next one. Many watchers of a change cost the database as much as one.
 * 2. Looks at one change run one after another: each takes what the one before has kept further.
 * 3. What is kept is the plan and where each target stands, once for each change that somebody in this process watches; it goes with the last of them.
 * 4. After an error, or when notifications may have been missed, nothing is kept: the database may be another one.
 */
import type { Change, ChangeEvent } from "@evenkeel/contracts/change";
import { TREE_TARGETS } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import type { TargetState } from "@evenkeel/contracts/change-state";
import type { ChangeId, Digest, TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { newerOf } from "./read.ts";
import { showChange } from "./show/view.ts";
import { findChange } from "./store/known-plan.ts";
import { locksOf } from "./store/lock.ts";
import { type KeptStates, type MovedRows, readMovedRows } from "./store/moved.ts";
import { snapshotOf } from "./store/snapshot.ts";

/** A change as it stands, with what has moved in it after an event. */
export interface Look {
  /** Of the last event that it shows. */
  readonly sequence: number;
  /** With those targets alone that have moved; of very many with none. */
  readonly change: Change;
  /** Of all targets that have moved. */
  readonly states: Readonly<Record<string, TargetState>>;
  readonly outputs: readonly ChangeEvent[];
  /** Nothing has happened since that it does not show. */
  readonly complete: boolean;
}

interface WhichChange {
  readonly tenantId: TenantId;
  readonly changeId: ChangeId;
}

interface Kept {
  readonly plan: Plan;
  readonly digest: Digest;
  readonly states: KeptStates;
  readonly locks: Change["locks"];
}

class Lookout {
  watchers = 0;
  readonly #db: Kysely<Database>;
  readonly #which: WhichChange;
  #kept: Kept | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  /** Looks that were asked for and have not begun, by the event that they go on from. */
  readonly #asked = new Map<number, Promise<Look>>();

  constructor(db: Kysely<Database>, which: WhichChange) {
    this.#db = db;
    this.#which = which;
  }

  lookAfter(after: number): Promise<Look> {
    const asked = this.#asked.get(after);
    if (asked !== undefined) return asked;
    const look = this.#turn.then(async () => {
      this.#asked.delete(after);
      return await this.#read(after);
    });
    this.#asked.set(after, look);
    this.#turn = look.catch(() => this.forget());
    return look;
  }

  forget(): void {
    this.#kept = null;
  }

  async #read(after: number): Promise<Look> {
    const { tenantId, changeId } = this.#which;
    let kept = this.#kept;
    for (;;) {
      const planned = kept ?? (await this.#plan());
      const states = kept?.states ?? null;
      const read = await readMovedRows(this.#db, { tenantId, changeId, after, plan: planned.plan, kept: states });
      if (read.rows.change.plan_digest === planned.digest) return await this.#look(read, planned);
      // It was planned anew: where its targets stand is said of another plan.
      kept = null;
    }
  }

  async #plan(): Promise<Omit<Kept, "states">> {
    const { tenantId, changeId } = this.#which;
    const { plan, plan_digest: digest } = await findChange(this.#db, tenantId, changeId);
    return { plan, digest, locks: [] };
  }

  async #look(read: MovedRows, { plan, digest, locks: known }: Omit<Kept, "states">): Promise<Look> {
    const { changeId } = this.#which;
    const { sequence, moved, outputs } = read;
    // Locks come and go with moves of the change as a whole.
    const locks = read.whole ? await locksOf(this.#db, changeId, TREE_TARGETS) : known;
    const newer = (await newerOf(this.#db, [read.rows.change])).get(changeId) ?? null;
    this.#kept = { plan, digest, states: read.kept, locks };
    const rows = { ...read.rows, change: { ...read.rows.change, sequence, plan } };
    const chosen = new Set(read.shown);
    const { states } = read.kept;
    return {
      sequence,
      change: showChange({ rows, snapshot: snapshotOf(rows), chosen, newer, locks, now: Date.now() }),
      states: Object.fromEntries(moved.flatMap((id) => stateIn(states, id))),
      outputs,
      complete: sequence === read.rows.change.sequence,
    };
  }
}

function stateIn(states: KeptStates["states"], targetId: string) {
  const row = states.get(targetId);
  return row === undefined ? [] : [[targetId, row.state] as const];
}

/** The lookouts of a process, by their database; each by tenant and change. */
const lookouts = new WeakMap<Kysely<Database>, Map<string, Lookout>>();

/** Watches a change together with all others who do so in this process; to be left once. */
export function joinLookout(
  db: Kysely<Database>,
  which: WhichChange,
): Pick<Lookout, "lookAfter" | "forget"> & { leave(): void } {
  const here = lookouts.get(db) ?? new Map<string, Lookout>();
  lookouts.set(db, here);
  const name = `${which.tenantId} ${which.changeId}`;
  const lookout = here.get(name) ?? new Lookout(db, which);
  here.set(name, lookout);
  lookout.watchers += 1;
  return {
    lookAfter: (after) => lookout.lookAfter(after),
    forget: () => lookout.forget(),
    leave: () => {
      lookout.watchers -= 1;
      if (lookout.watchers === 0) here.delete(name);
    },
  };
}
