/**
 * Invariants:
 * 1. A lease is held while `lease_until` in the database is ahead of the database's clock; no other clock decides.
 * 2. `held` here is never longer than that: it counts from before the renewal was sent.
 * 3. Nobody waits for the lease of a process that is seen to be dead: one that starts on the same machine ends it.
 * 4. Nobody waits for a clock that was set back: a lease that reaches further than any is given is cut by whoever renews his own.
 * 5. A lease that was lost is never renewed: the replica comes back under another id, so nobody takes its old work for live.
 */
import { readlinkSync } from "node:fs";
import { newId, ReplicaId } from "@evenkeel/contracts/id";
import { type ColumnType, type Kysely, sql } from "kysely";
import type { Clock } from "./clock.ts";
import { bootId, isAlive, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** Which process this is, to whoever sees the same processes. */
interface ReplicaProcess extends ProcessIdentity {
  /** Containers of one machine have the same boot, and other pids. */
  readonly pidNamespace: string;
}

export interface ReplicaTable {
  id: ReplicaId;
  /** Where the other replicas reach this one. */
  url: string;
  version: string;
  lease_until: ColumnType<string>;
  /** Null = written by an earlier version. */
  process: ColumnType<ReplicaProcess | null, string, never>;
  started_at: ColumnType<string, never, never>;
}
/** What a database must have for leases. */
export interface LeaseDatabase {
  replica: ReplicaTable;
}

/** The lease is gone: another may hold the work by now. A worker that meets this falls silent. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** That this process lives, as the other replicas see it. */
export interface ReplicaLease {
  /** Another one after the lease was lost and taken anew. */
  readonly id: ReplicaId;
  /** False = do nothing that others might do by now. */
  readonly held: boolean;
  /** Throws `LeaseLost` unless the lease lives; the row cannot vanish before the transaction ends. */
  check(tx: Kysely<LeaseDatabase>): Promise<void>;
  /** Called after the lease was lost and a new id was taken: give up everything that went by the old one. */
  onLost(handler: (lostId: ReplicaId) => void): void;
  /** Gives the lease back, so that others need not wait for its end. */
  close(): Promise<void>;
}

export interface LeaseOptions {
  readonly db: Kysely<LeaseDatabase>;
  readonly clock: Clock;
  readonly url: string;
  readonly version: string;
  readonly onError: (error: unknown) => void;
  readonly ttlMs?: number;
  readonly renewMs?: number;
}

const pidNamespace = (): string => readlinkSync("/proc/self/ns/pid");

function isSeenDead({ pidNamespace: namespace, ...identity }: ReplicaProcess): boolean {
  return identity.bootId === bootId() && namespace === pidNamespace() && !isAlive(identity);
}

const TTL_MS = 5000;
const RENEW_MS = 1000;

/** Says who this process is and keeps saying it, each second. */
export async function openReplicaLease(options: LeaseOptions): Promise<ReplicaLease> {
  const lease = new RenewedLease(options);
  await lease.open();
  return lease;
}

class RenewedLease implements ReplicaLease {
  readonly #options: LeaseOptions;
  readonly #ttlMs: number;
  readonly #lostHandlers: ((lostId: ReplicaId) => void)[] = [];
  #id: ReplicaId = newId(ReplicaId, "rpl");
  #heldUntilMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #renewal: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#ttlMs = options.ttlMs ?? TTL_MS;
  }

  get id(): ReplicaId {
    return this.#id;
  }

  get held(): boolean {
    return !this.#closed && this.#options.clock.monotonicMs() < this.#heldUntilMs;
  }

  async open(): Promise<void> {
    await this.#endDead();
    await this.#take();
    this.#timer = setInterval(() => {
      this.#renewal = this.#renewal.then(() => this.#renew()).catch(this.#options.onError);
    }, this.#options.renewMs ?? RENEW_MS);
  }

  async check(tx: Kysely<LeaseDatabase>): Promise<void> {
    const found = await tx
      .selectFrom("replica")
      .select("id")
      .where("id", "=", this.#id)
      .where("lease_until", ">", sql<string>`clock_timestamp()`)
      // Renewals may pass, a removal may not.
      .forKeyShare()
      .executeTakeFirst();
    if (found === undefined) throw new LeaseLost(`the lease of ${this.#id} is over`);
  }

  onLost(handler: (lostId: ReplicaId) => void): void {
    this.#lostHandlers.push(handler);
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#renewal;
    this.#closed = true;
    await this.#options.db.deleteFrom("replica").where("id", "=", this.#id).execute();
  }

  /** What a killed predecessor held is free at once. */
  async #endDead(): Promise<void> {
    const { db } = this.#options;
    const rows = await db
      .selectFrom("replica")
      .select(["id", "process"])
      .where("lease_until", ">", sql<string>`clock_timestamp()`)
      .execute();
    const dead = rows.filter(({ process }) => process !== null && isSeenDead(process)).map(({ id }) => id);
    if (dead.length === 0) return;
    await db
      .updateTable("replica")
      .set({ lease_until: sql<string>`clock_timestamp()` })
      .where("id", "in", dead)
      .execute();
  }

  async #take(): Promise<void> {
    const { db, url, version, clock } = this.#options;
    const sentMs = clock.monotonicMs();
    const process = JSON.stringify({ ...ownIdentity(), pidNamespace: pidNamespace() });
    await db
      .insertInto("replica")
      .values({ id: this.#id, url, version, lease_until: this.#until(), process })
      .execute();
    this.#heldUntilMs = sentMs + this.#ttlMs;
  }

  async #renew(): Promise<void> {
    const { db, clock } = this.#options;
    await this.#cutThoseTooFar();
    const sentMs = clock.monotonicMs();
    const { numUpdatedRows } = await db
      .updateTable("replica")
      .set({ lease_until: this.#until() })
      .where("id", "=", this.#id)
      .where("lease_until", ">", sql<string>`clock_timestamp()`)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return await this.#startAnew();
    this.#heldUntilMs = sentMs + this.#ttlMs;
  }

  /** Written before the database's clock was set back. Whoever lives renews it within a second. */
  async #cutThoseTooFar(): Promise<void> {
    const farthest = sql<string>`clock_timestamp() + 2 * ${this.#ttl()}`;
    await this.#options.db
      .updateTable("replica")
      .set({ lease_until: this.#until() })
      .where("lease_until", ">", farthest)
      .execute();
  }

  async #startAnew(): Promise<void> {
    const lostId = this.#id;
    this.#heldUntilMs = 0;
    this.#id = newId(ReplicaId, "rpl");
    await this.#take();
    for (const handler of this.#lostHandlers) handler(lostId);
  }

  #until() {
    return sql<string>`clock_timestamp() + ${this.#ttl()}`;
  }

  #ttl() {
    return sql`make_interval(secs => ${this.#ttlMs / 1000})`;
  }
}
