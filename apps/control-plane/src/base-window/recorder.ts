/**
 * 1. At most LIMIT windows wait here: measurements may be lost with the process, and never hold it up.
 * 2. One insert is under way at a time; what comes meanwhile is the next one.
 */
import type { HostId, TenantId } from "@evenkeel/contracts/id";
import type { BaseWindow } from "@evenkeel/contracts/module-statistics";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { insertWindows, type ToldWindow } from "./store/index.ts";

const LIMIT = 5000;
const AT_ONCE = 200;

/** Writes what bases and their modules have done. */
export class WindowRecorder {
  readonly #db: Kysely<Database>;
  readonly #lease: ReplicaLease;
  readonly #log: Log;
  #waiting: ToldWindow[] = [];
  #work: Promise<void> | null = null;

  constructor({ db, lease, log }: { db: Kysely<Database>; lease: ReplicaLease; log: Log }) {
    this.#db = db;
    this.#lease = lease;
    this.#log = log;
  }

  add(host: { readonly hostId: HostId; readonly tenantId: TenantId }, windows: readonly BaseWindow[]): void {
    const room = LIMIT - this.#waiting.length;
    this.#waiting.push(...windows.slice(0, room).map((window) => ({ ...host, window })));
    this.#work ??= this.#write().finally(() => (this.#work = null));
  }

  async close(): Promise<void> {
    await this.#work;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0 && this.#lease.held) {
      const next = this.#waiting.splice(0, AT_ONCE);
      await insertWindows(this.#db, next).catch((error: unknown) =>
        this.#log.warn({ err: error }, "what bases have done could not be kept"),
      );
    }
  }
}
