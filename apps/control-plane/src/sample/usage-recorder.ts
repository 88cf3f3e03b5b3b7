/**
 * 1. What hosts and instances use is kept in memory, where their agents' links are: written once a minute, and when a guard asks for a
 *    service or somebody looks at a host.
 * 2. One insert is under way at a time.
 */
import type { InstanceUsage } from "@evenkeel/contracts/agent-protocol";
import { HostId, ServiceId } from "@evenkeel/contracts/id";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { HOST_WANTED_CHANNEL, insertHostSamples, insertUsage, type ToldFacts, USAGE_CHANNEL } from "./store/index.ts";

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
  readonly facts: () => readonly ToldFacts[];
}

const WRITE_EVERY_MS = 60_000;

/** Writes what this replica's hosts and the instances on them use. */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #stop: readonly (() => void)[];
  #work: Promise<void> = Promise.resolve();

  constructor(options: UsageRecorderOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#write(everything), WRITE_EVERY_MS);
    // A missed question is asked again by the next look.
    const { notifications } = options;
    this.#stop = [
      notifications.on(USAGE_CHANNEL, (asked) => {
        if (asked !== null) this.#write({ service: ServiceId.parse(asked) });
      }),
      notifications.on(HOST_WANTED_CHANNEL, (asked) => {
        if (asked !== null) this.#write({ host: HostId.parse(asked) });
      }),
    ];
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const stop of this.#stop) stop();
    await this.#work;
  }

  #write(asked: Asked): void {
    const { db, lease, log } = this.#options;
    this.#work = this.#work
      .then(async () => {
        if (!lease.held) return;
        const usage = this.#options.usage().filter(({ slot, hostId }) => isAsked(asked, { slot, hostId }));
        if (usage.length > 0) await insertUsage(db, usage);
        const facts = this.#options.facts().filter(({ hostId }) => isAsked(asked, { hostId }));
        if (facts.length > 0) await insertHostSamples(db, facts, { tell: asked.host !== undefined });
      })
      .catch((error: unknown) => log.warn({ err: error }, "what hosts and instances use could not be kept"));
  }
}

/** A service, a host, or everything. */
interface Asked {
  readonly service?: ServiceId;
  readonly host?: HostId;
}
const everything: Asked = {};

const isAsked = ({ service, host }: Asked, told: { readonly slot?: ServiceId; readonly hostId: HostId }): boolean =>
  (service === undefined || service === told.slot) && (host === undefined || host === told.hostId);
