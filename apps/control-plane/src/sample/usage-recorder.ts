/**
 * 1. What instances use is kept in memory, where their agents' links are: written once a minute, and when a guard asks for it.
 * 2. One insert is under way at a time.
 */
import type { InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import { type HostId, ServiceId } from "@evenkeel/contracts/id";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { insertUsage, USAGE_CHANNEL } from "./store/index.ts";

/** What an instance of a host uses, as its agent last told. */
interface HostUsage extends InstanceUsage {
  readonly hostId: HostId;
}

export interface UsageRecorderOptions {
  readonly db: Kysely<Database>;
  readonly lease: ReplicaLease;
  readonly notifications: Listener;
  readonly log: Log;
  /** Of the hosts that are connected here. */
  readonly usage: () => readonly HostUsage[];
}

const WRITE_EVERY_MS = 60_000;

/** Writes what the instances of this replica's hosts use. */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #stop: () => void;
  #work: Promise<void> = Promise.resolve();

  constructor(options: UsageRecorderOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#write(null), WRITE_EVERY_MS);
    this.#stop = options.notifications.on(USAGE_CHANNEL, (asked) => {
      // A missed question is asked again by the guard's next look.
      if (asked !== null) this.#write(ServiceId.parse(asked));
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop();
    await this.#work;
  }

  #write(serviceId: ServiceId | null): void {
    const { db, lease, usage, log } = this.#options;
    this.#work = this.#work
      .then(async () => {
        if (!lease.held) return;
        const told = usage().filter(({ slot }) => serviceId === null || slot === serviceId);
        if (told.length > 0) await insertUsage(db, told);
      })
      .catch((error: unknown) => log.warn({ err: error }, "what instances use could not be kept"));
  }
}
