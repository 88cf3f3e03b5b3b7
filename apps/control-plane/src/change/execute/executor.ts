/**
 * Invariants:
 * 1. One worker per claimed change in this process; it looks once at a time, and once more if it was kicked meanwhile.
 * 2. A worker that lost its lease, or whose replica lost its own, falls silent; somebody else claims the change.
 * 3. What an agent reports is stored by the worker's next look; where that fails, or the worker goes, whoever reported it is told so at once.
 * 4. A look at thousands of targets is long: what comes while it lasts and shortly after is one more look, not one each (`rest.ts`).
 * 5. A transaction whose commit is in doubt is not repeated: the rows are read again, all of them (`store/reread.ts`).
 */
import { ChangeId, type HostId } from "@evenkeel/contracts/id";
import { LeaseLost } from "@evenkeel/kit/lease";
import type { ChangeDeps } from "../deps.ts";
import { type Claim, claimChanges, releaseAllClaims, renewClaims } from "../store/lease.ts";
import { advance, type Kept } from "./advance.ts";
import { HostWatch } from "./host-watch.ts";
import type { Ledger } from "./ledger.ts";
import { OutsideChecks } from "./outside-check.ts";
import { restMs } from "./rest.ts";
import type { Report } from "./settle.ts";

const SWEEP_MS = 1000;
const MAX_BACK_OFF_MS = 5000;
const LEASE_DOUBT_MS = 200;
/** Reports that one look takes; the rest waits for the next. */
const REPORTS_AT_ONCE = 5000;

interface Reported {
  readonly report: Report;
  readonly told: (stored: boolean) => void;
}

interface Worker {
  readonly claim: Claim;
  readonly watch: HostWatch;
  reported: Reported[];
  readonly outside: OutsideChecks;
  ledger: Ledger;
  kept: Kept | null;
  looking: boolean;
  again: boolean;
  failures: number;
  timer: NodeJS.Timeout | null;
  /** After a long look, until more has come. */
  rest: NodeJS.Timeout | null;
}

function forgetRows(worker: Worker): void {
  if (worker.kept !== null) worker.kept = { ...worker.kept, rows: null };
}

export interface Executor {
  /** Begins to work. */
  open(): void;
  /** Stores what an agent says together with what follows from it; false = nobody works on the change here, or it could not be stored. */
  settle(report: Report): Promise<boolean>;
  /** Looks at a change now, if this replica works on it or nobody does. */
  kick(changeId: ChangeId): void;
  /** Ends and gives its leases back. */
  close(): Promise<void>;
  /** Ends as a kill would: its leases are left to run out. For tests. */
  abandon(): Promise<void>;
}

/** Works on changes from `open` until it is closed. */
export function createExecutor(deps: ChangeDeps): Executor {
  return new ChangeExecutor(deps);
}

class ChangeExecutor implements Executor {
  readonly #deps: ChangeDeps;
  readonly #workers = new Map<ChangeId, Worker>();
  readonly #unsubscribe: (() => void)[] = [];
  readonly #busy = new Set<Promise<void>>();
  #sweepTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(deps: ChangeDeps) {
    this.#deps = deps;
  }

  open(): void {
    const { listener, lease } = this.#deps;
    const all = () => {
      for (const changeId of this.#workers.keys()) this.kick(changeId);
    };
    const one = (payload: string | null) => {
      if (payload === null) {
        // Connections broke: it may be another server by now, on which what was read last was never written.
        for (const worker of this.#workers.values()) forgetRows(worker);
        all();
      } else this.kick(ChangeId.parse(payload));
    };
    const hosts = (payload: string | null) => {
      const moved = payload === null ? null : (JSON.parse(payload) as HostId[]);
      for (const [changeId, { watch }] of this.#workers) if (watch.moved(moved)) this.kick(changeId);
    };
    this.#unsubscribe.push(listener.on("change", one), listener.on("traffic", all), listener.on("host_changed", hosts));
    lease.onLost(() => this.#dismissAll());
    this.#track(this.#sweep());
  }

  kick(changeId: ChangeId): void {
    if (this.#closed) return;
    const worker = this.#workers.get(changeId);
    if (worker === undefined) this.#track(this.#claim(changeId));
    else if (worker.looking || worker.rest !== null) worker.again = true;
    else this.#track(this.#look(worker));
  }

  async settle(report: Report): Promise<boolean> {
    const worker = this.#workers.get(report.changeId);
    if (this.#closed || worker === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    worker.reported.push({ report, told: resolve });
    this.kick(report.changeId);
    return await promise;
  }

  async abandon(): Promise<void> {
    this.#closed = true;
    for (const off of this.#unsubscribe) off();
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
    this.#dismissAll();
    await Promise.allSettled([...this.#busy]);
  }

  async close(): Promise<void> {
    await this.abandon();
    const { db, lease } = this.#deps;
    await releaseAllClaims(db, lease.id).catch(() => undefined);
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#deps.log.warn({ err: error }, "the executor could not look"))
      .finally(() => this.#busy.delete(tracked));
    this.#busy.add(tracked);
  }

  /** Renews what is ours, claims what is nobody's. */
  async #sweep(): Promise<void> {
    const { db, lease } = this.#deps;
    try {
      if (!lease.held) return;
      await this.#renew();
      for (const claim of await claimChanges(db, lease.id)) this.#employ(claim);
    } finally {
      if (!this.#closed) this.#sweepTimer = setTimeout(() => this.#track(this.#sweep()), SWEEP_MS);
    }
  }

  async #renew(): Promise<void> {
    const { db, lease } = this.#deps;
    // Only these may have been lost: a worker that comes while the question is under way is not in its answer.
    const before = [...this.#workers.values()];
    const held = new Map((await renewClaims(db, lease.id)).map((claim) => [claim.changeId, claim]));
    for (const worker of before) if (!held.has(worker.claim.changeId)) this.#dismiss(worker);
    // A lease of ours that nobody works on would be renewed for ever and looked at never.
    for (const claim of held.values()) this.#employ(claim);
  }

  async #claim(changeId: ChangeId): Promise<void> {
    const { db, lease } = this.#deps;
    if (!lease.held) return;
    for (const claim of await claimChanges(db, lease.id, changeId)) this.#employ(claim);
  }

  #employ(claim: Claim): void {
    const { commands, clock } = this.#deps;
    const former = this.#workers.get(claim.changeId);
    if (former !== undefined) {
      // A claim that was overtaken by a newer one of ours.
      if (former.claim.token >= claim.token) return;
      this.#dismiss(former);
    }
    const worker: Worker = {
      claim,
      watch: new HostWatch(commands, clock),
      reported: [],
      outside: new OutsideChecks(this.#deps, claim),
      ledger: new Map(),
      kept: null,
      looking: false,
      again: false,
      failures: 0,
      timer: null,
      rest: null,
    };
    this.#workers.set(claim.changeId, worker);
    this.#track(this.#look(worker));
  }

  #dismiss(worker: Worker): void {
    if (worker.timer !== null) clearTimeout(worker.timer);
    if (worker.rest !== null) clearTimeout(worker.rest);
    worker.outside.stop();
    const { changeId } = worker.claim;
    // Another may have been employed for the same change since.
    if (this.#workers.get(changeId) === worker) this.#workers.delete(changeId);
    for (const { told } of worker.reported.splice(0)) told(false);
  }

  #dismissAll(): void {
    for (const worker of [...this.#workers.values()]) this.#dismiss(worker);
  }

  async #look(worker: Worker): Promise<void> {
    worker.looking = true;
    if (worker.timer !== null) clearTimeout(worker.timer);
    worker.timer = null;
    try {
      do {
        worker.again = false;
        const { clock } = this.#deps;
        const beganMs = clock.monotonicMs();
        await this.#lookOnce(worker);
        this.#restAfter(worker, clock.monotonicMs() - beganMs);
      } while (worker.again && worker.rest === null && this.#owns(worker));
    } finally {
      worker.looking = false;
    }
  }

  #restAfter(worker: Worker, tookMs: number): void {
    const ms = restMs({ tookMs, targets: worker.kept?.plan.targets.length ?? 0 });
    if (ms === 0 || !this.#owns(worker)) return;
    worker.rest = setTimeout(() => {
      worker.rest = null;
      if (worker.again) this.#track(this.#look(worker));
    }, ms);
  }

  #owns(worker: Worker): boolean {
    return !this.#closed && this.#workers.get(worker.claim.changeId) === worker;
  }

  async #lookOnce(worker: Worker): Promise<void> {
    const { lease, log } = this.#deps;
    if (!this.#owns(worker)) return;
    // A lease that is in doubt is renewed or lost within a moment; until then nothing is done, and nothing is forgotten.
    if (!lease.held) return this.#lookIn(worker, LEASE_DOUBT_MS);
    const reported = worker.reported.splice(0, REPORTS_AT_ONCE);
    if (worker.reported.length > 0) worker.again = true;
    const tell = (stored: boolean): void => {
      for (const { told } of reported) told(stored);
    };
    try {
      const advanced = await advance(this.#deps, { ...worker, reports: reported.map(({ report }) => report) });
      tell(true);
      worker.ledger = advanced.ledger;
      worker.kept = advanced.kept;
      if (this.#owns(worker)) worker.outside.keepUp(advanced.questions);
      worker.failures = 0;
      if (advanced.released) this.#release(worker);
      else if (advanced.nextMs !== null) this.#lookIn(worker, advanced.nextMs);
    } catch (error) {
      tell(false);
      forgetRows(worker);
      if (error instanceof LeaseLost) return this.#dismiss(worker);
      worker.failures += 1;
      log.warn({ err: error, changeId: worker.claim.changeId }, "a look at a change failed; it is repeated");
      this.#lookIn(worker, Math.min(MAX_BACK_OFF_MS, 100 * 2 ** worker.failures));
    }
  }

  /** The row is free again; what came in meanwhile may have nobody to look at it. */
  #release(worker: Worker): void {
    this.#dismiss(worker);
    if (worker.again) this.kick(worker.claim.changeId);
  }

  #lookIn(worker: Worker, ms: number): void {
    if (!this.#owns(worker)) return;
    worker.timer = setTimeout(() => {
      worker.timer = null;
      if (worker.looking || worker.rest !== null) worker.again = true;
      else this.#track(this.#look(worker));
    }, ms);
  }
}
