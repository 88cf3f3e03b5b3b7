import { LOST_AFTER_MS } from "@evenkeel/contracts/agent-protocol";
import type { HostId } from "@evenkeel/contracts/id";
import type { Clock } from "@evenkeel/kit/clock";
import type { Kysely } from "kysely";
import type { Database } from "../../database.ts";
import type { CommandPort } from "../deps.ts";
import type { HostView, Snapshot } from "../snapshot.ts";

/** An agent that is restarted is back by then, also where whoever restarts it stood still for longer than the link's own patience. */
const GRACE_MS = LOST_AFTER_MS + 9000;

/** How long the last answer stands unless somebody says that a host came or went. */
const ASK_AGAIN_MS = 1000;

/** More than lies between two looks of a worker that waits for a host: it, or the database, stood still, and nobody could come back. */
const WATCHED_MS = 2 * ASK_AGAIN_MS;

/**
 * Counts how long hosts have been away under this worker's eyes, by its own monotonic clock. Time that nobody watched is not counted,
 * and a successor starts anew: nobody is lost too early.
 */
export class HostWatch {
  readonly #commands: Pick<CommandPort, "online">;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #awayMs = new Map<HostId, number>();
  #plan: Snapshot["plan"] | null = null;
  #mine: ReadonlySet<HostId> | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(commands: Pick<CommandPort, "online">, clock: Pick<Clock, "monotonicMs">) {
    this.#commands = commands;
    this.#clock = clock;
  }

  /** Hosts came or went (null: any may have): the next look asks, if one of them is of this change. */
  moved(hostIds: readonly HostId[] | null): boolean {
    const mine = this.#mine;
    if (hostIds !== null && mine !== null && !hostIds.some((id) => mine.has(id))) return false;
    this.#askedMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** Which hosts of the change are away now, and which have been for too long. */
  async look(db: Kysely<Database>, snapshot: Snapshot): Promise<HostView> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#askedMs >= ASK_AGAIN_MS) {
      // Set before the question: what moves while it is under way is asked for again.
      this.#askedMs = nowMs;
      await this.#ask(db, snapshot);
    }
    const awayMs = this.#awayMs;
    return { away: (id) => awayMs.has(id), lost: (id) => (awayMs.get(id) ?? 0) >= GRACE_MS };
  }

  async #ask(db: Kysely<Database>, { plan }: Snapshot): Promise<void> {
    if (this.#plan !== plan) this.#mine = new Set(plan.targets.flatMap(({ hostId }) => hostId ?? []));
    this.#plan = plan;
    const hostIds = [...(this.#mine ?? [])];
    const online = hostIds.length === 0 ? new Set<HostId>() : await this.#commands.online(db, hostIds);
    const nowMs = this.#clock.monotonicMs();
    const watchedMs = Math.min(nowMs - this.#answeredMs, WATCHED_MS);
    this.#answeredMs = nowMs;
    for (const id of hostIds) {
      const awayMs = this.#awayMs.get(id);
      if (online.has(id)) this.#awayMs.delete(id);
      else this.#awayMs.set(id, awayMs === undefined ? 0 : awayMs + watchedMs);
    }
  }
}
