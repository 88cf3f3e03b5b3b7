import { LOST_AFTER_MS } from "@evenkeel/contracts/agent-protocol";
import type { HostId } from "@evenkeel/contracts/id";
import type { Clock } from "@evenkeel/kit/clock";
import type { Kysely } from "kysely";
import type { Database } from "../../database.ts";
import type { CommandPort } from "../deps.ts";
import type { HostView, Snapshot } from "../snapshot.ts";

/** Beyond the link's own patience: an agent that is restarted is back by then. */
const GRACE_MS = LOST_AFTER_MS + 4000;

/** Remembers since when hosts are away, by this worker's own monotonic clock: a successor starts counting anew, so nobody is lost too early. */
export class HostWatch {
  readonly #commands: CommandPort;
  readonly #clock: Clock;
  readonly #awaySinceMs = new Map<HostId, number>();

  constructor(commands: CommandPort, clock: Clock) {
    this.#commands = commands;
    this.#clock = clock;
  }

  /** Which hosts of the change are away now, and which have been for too long. */
  async look(db: Kysely<Database>, snapshot: Snapshot): Promise<HostView> {
    const hostIds = [...new Set(snapshot.plan.targets.flatMap(({ hostId }) => (hostId === null ? [] : [hostId])))];
    const online = hostIds.length === 0 ? new Set<HostId>() : await this.#commands.online(db, hostIds);
    const nowMs = this.#clock.monotonicMs();
    for (const id of hostIds) {
      if (online.has(id)) this.#awaySinceMs.delete(id);
      else if (!this.#awaySinceMs.has(id)) this.#awaySinceMs.set(id, nowMs);
    }
    const sinceMs = (id: HostId) => this.#awaySinceMs.get(id);
    return {
      away: (id) => sinceMs(id) !== undefined,
      lost: (id) => nowMs - (sinceMs(id) ?? nowMs) >= GRACE_MS,
    };
  }
}
