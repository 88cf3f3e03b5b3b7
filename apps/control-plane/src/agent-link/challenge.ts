/**
 * Asks the replica that holds a host's connection whether an agent still answers on it, over the database's notifications.
 * 1. Who asks waits for CHALLENGE_MS at most: silence means that nobody is there.
 * 2. The holder answers at once when it has no such connection.
 */
import { randomUUID } from "node:crypto";
import type { HostId, ReplicaId } from "@evenkeel/contracts/id";
import { type Listener, notify } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";

const CHALLENGE_MS = 2000;
const CHALLENGE_CHANNEL = "agent_challenge";
const ANSWER_CHANNEL = "agent_challenge_answer";

export interface Challenge {
  readonly nonce: string;
  readonly hostId: HostId;
  readonly connectionEpoch: number;
  readonly replicaId: ReplicaId;
}

export interface ChallengeDeps {
  readonly db: Kysely<Database>;
  readonly notifications: Listener;
  /** Puts the challenge to the agent; false = this process has no such connection. */
  readonly put: (challenge: Challenge) => boolean;
  readonly ownReplicaId: () => ReplicaId;
}

export class Challenges {
  readonly #deps: ChallengeDeps;
  readonly #waiting = new Map<string, (alive: boolean) => void>();
  readonly #stop: (() => void)[];

  constructor(deps: ChallengeDeps) {
    this.#deps = deps;
    this.#stop = [
      deps.notifications.on(CHALLENGE_CHANNEL, (payload) => this.#heard(payload)),
      deps.notifications.on(ANSWER_CHANNEL, (payload) => this.#answered(payload)),
    ];
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  /** Whether an agent still answers on this connection. */
  async ask(connection: Omit<Challenge, "nonce">): Promise<boolean> {
    const nonce = randomUUID();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.set(nonce, resolve);
    const timer = setTimeout(() => resolve(false), CHALLENGE_MS);
    try {
      await notify(this.#deps.db, CHALLENGE_CHANNEL, JSON.stringify({ nonce, ...connection }));
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(nonce);
    }
  }

  /** The agent has answered; whoever asked hears it. */
  async answer(nonce: string, alive = true): Promise<void> {
    await notify(this.#deps.db, ANSWER_CHANNEL, JSON.stringify({ nonce, alive }));
  }

  async #heard(payload: string | null): Promise<void> {
    if (payload === null) return;
    const challenge = JSON.parse(payload) as Challenge;
    if (challenge.replicaId !== this.#deps.ownReplicaId()) return;
    if (!this.#deps.put(challenge)) await this.answer(challenge.nonce, false);
  }

  #answered(payload: string | null): void {
    if (payload === null) return;
    const { nonce, alive } = JSON.parse(payload) as { nonce: string; alive: boolean };
    this.#waiting.get(nonce)?.(alive);
  }
}
