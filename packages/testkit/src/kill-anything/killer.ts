import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { killIdentity, type ProcessIdentity, readIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { type Platform, startPlatform } from "../platform.ts";
import type { Dice } from "./dice.ts";

// 1. Every kind of process gets its turn once in a round of a deck, as far as it can be struck at that moment.
// 2. Gateway and supervisor are never down together: only where both are dead may the listening socket be lost.
// 3. What was frozen goes on, also when the killer is closed early.
// 4. It kills and freezes, and starts `up` again after a killed supervisor. It mends nothing else.

export const VICTIMS = ["control-plane", "replica", "agent", "gateway", "database", "supervisor"] as const;
export type Victim = (typeof VICTIMS)[number];

/** One kill -9, or one freeze (SIGSTOP until SIGCONT); moments are milliseconds since 1970. */
export interface Kill {
  readonly victim: Victim;
  readonly part: string;
  readonly how: "kill" | "freeze";
  readonly atMs: number;
  /** The process was gone, or went on. */
  readonly overMs: number;
}

/** Beyond the lease of a control plane (5 s) and the silence after which a host counts as lost (6 s). */
const FROZEN_MS = { least: 6200, most: 8000 };
const FREEZE_SHARE = 0.25;
const HOSTS = 4;
const EXPECTED_PARTS = 4 + HOSTS;
const WATCH_MS = 500;
const GONE_MS = 60_000;

export interface KillerOptions {
  readonly platform: Platform;
  readonly dice: Dice;
  /** What the supervisor is started again with. */
  readonly args: readonly string[];
  /** One request on a new connection; ends when it was answered. */
  readonly ask: () => Promise<unknown>;
}

/** Strikes the processes of one platform. */
export class Killer {
  /** Those that have been done, in their order. */
  readonly kills: Kill[] = [];
  /** From the death of each gateway that a supervisor was there for to the next answer on a new connection. */
  readonly gatewayBackMs: number[] = [];
  readonly #options: KillerOptions;
  readonly #frozen = new Set<Victim>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #timer: NodeJS.Timeout;
  readonly #broken = Promise.withResolvers<never>();
  #platform: Platform;
  #deck: Victim[] = [];
  #gatewayStrikes = 0;
  #supervisorStrikes = 0;
  #supervisor: "steady" | "restarting" = "steady";
  #quietSince: number | null = null;

  constructor(options: KillerOptions) {
    this.#options = options;
    this.#platform = options.platform;
    this.#timer = setInterval(() => void this.#look(), WATCH_MS);
    // Heard by whoever runs the killer; until then it is not unheard.
    this.#broken.promise.catch(() => undefined);
  }

  /** Rejects when it cannot go on: no supervisor came up after a killed one, or a process does not die. */
  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  /** The platform as the newest supervisor has it. */
  get platform(): Platform {
    return this.#platform;
  }

  /** Since when every part has been there and none frozen, by `performance.now()`; null = not so now. */
  get quietSince(): number | null {
    return this.#quietSince;
  }

  /** Strikes the next that can be struck; the freeze goes on behind it. */
  async strike(): Promise<void> {
    const parts = await this.#parts();
    const able = this.#draw((victim) => this.#partOf(victim, parts) !== null);
    if (able === null) return;
    const { dice } = this.#options;
    const [part, identity] = this.#partOf(able, parts) as [string, ProcessIdentity];
    this.#quietSince = null;
    if (able === "supervisor") this.#supervisorStrikes += 1;
    if (dice.next() < FREEZE_SHARE) this.#go(this.#freeze(able, { part, identity }));
    else await this.#kill(able, { part, identity });
  }

  /** Waits until everything is there again. */
  async quiet(): Promise<void> {
    const until = performance.now() + 120_000;
    while (this.#quietSince === null || this.#running.size > 0) {
      if (performance.now() > until) throw new Error(`not all parts came back: ${Object.keys(await this.#parts())}`);
      await sleep(100);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed.abort();
    await Promise.allSettled([...this.#running]);
  }

  readonly #closed = new AbortController();

  #draw(can: (victim: Victim) => boolean): Victim | null {
    if (!this.#deck.some(can)) this.#deck.push(...this.#options.dice.shuffled(VICTIMS));
    const index = this.#deck.findIndex(can);
    return index < 0 ? null : (this.#deck.splice(index, 1)[0] ?? null);
  }

  #partOf(victim: Victim, parts: Readonly<Record<string, ProcessIdentity>>): [string, ProcessIdentity] | null {
    if (this.#frozen.has(victim)) return null;
    // One frozen at a time, or nobody could tell what did it; and the socket needs one of its two holders.
    if (victim === "supervisor" && (this.#supervisor !== "steady" || parts.gateway === undefined)) return null;
    if (victim === "gateway" && this.#supervisor !== "steady") return null;
    const name = this.#nameOf(victim, parts);
    const identity = victim === "supervisor" ? readIdentity(this.#platform.supervisor.pid ?? 0) : parts[name];
    return identity == null ? null : [name, identity];
  }

  #nameOf(victim: Victim, parts: Readonly<Record<string, ProcessIdentity>>): string {
    const names = { "control-plane": "control-plane-1", replica: "control-plane-2", database: "postgres" };
    if (victim === "gateway" || victim === "supervisor") return victim;
    if (victim !== "agent") return names[victim];
    const agents = Object.keys(parts).filter((name) => name.startsWith("agent-"));
    return agents.length === 0 ? "" : this.#options.dice.pick(agents.toSorted());
  }

  async #kill(victim: Victim, { part, identity }: { part: string; identity: ProcessIdentity }): Promise<void> {
    if (victim === "supervisor") this.#supervisor = "restarting";
    if (victim === "gateway") this.#gatewayStrikes += 1;
    const atMs = Date.now();
    if (!killIdentity(identity, "SIGKILL")) return;
    if (!(await waitGone(identity, GONE_MS))) throw new Error(`${part} does not die`);
    this.kills.push({ victim, part, how: "kill", atMs, overMs: Date.now() });
    if (victim === "supervisor") this.#go(this.#startAgain());
    if (victim === "gateway" && this.#frozen.size === 0) this.#go(this.#awaitGateway());
  }

  async #freeze(victim: Victim, { part, identity }: { part: string; identity: ProcessIdentity }): Promise<void> {
    const processes = victim === "database" ? [identity, ...childrenOf(identity)] : [identity];
    this.#frozen.add(victim);
    const atMs = Date.now();
    for (const one of processes) killIdentity(one, "SIGSTOP");
    const frozenMs = this.#options.dice.between(FROZEN_MS.least, FROZEN_MS.most);
    await sleep(frozenMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
    for (const one of processes.toReversed()) killIdentity(one, "SIGCONT");
    this.kills.push({ victim, part, how: "freeze", atMs, overMs: Date.now() });
    this.#frozen.delete(victim);
  }

  async #startAgain(): Promise<void> {
    const { home } = this.#platform;
    this.#platform = await startPlatform({ home, args: this.#options.args });
    this.#supervisor = "steady";
  }

  /** The one that comes back may be killed in its turn with this request in hand: then that death counts, and not this one. */
  async #awaitGateway(): Promise<void> {
    const since = performance.now();
    const strikes = this.#gatewayStrikes;
    const supervisorStrikes = this.#supervisorStrikes;
    try {
      await this.#options.ask();
    } catch (error) {
      if (this.#gatewayStrikes > strikes) return;
      throw error;
    }
    // Nobody was there to start it.
    if (this.#supervisorStrikes > supervisorStrikes) return;
    this.gatewayBackMs.push(Math.round(performance.now() - since));
  }

  #go(work: Promise<unknown>): void {
    const guarded = work
      .catch((error: unknown) => this.#broken.reject(error))
      .finally(() => this.#running.delete(guarded));
    this.#running.add(guarded);
  }

  async #look(): Promise<void> {
    const whole = Object.keys(await this.#parts()).length === EXPECTED_PARTS;
    const calm = whole && this.#frozen.size === 0 && this.#supervisor === "steady";
    if (!calm) this.#quietSince = null;
    else this.#quietSince ??= performance.now();
  }

  /** Nothing while a part is replaced: then two of one name may be seen for a moment. */
  async #parts(): Promise<Record<string, ProcessIdentity>> {
    return await this.#platform.parts().catch(() => ({}));
  }
}

function childrenOf({ pid }: ProcessIdentity): ProcessIdentity[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
  return pids.map((child) => (child > 0 ? readIdentity(child) : null)).filter((child) => child !== null);
}
