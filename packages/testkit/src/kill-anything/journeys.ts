import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { followChange } from "@evenkeel/client/snapshot";
import type { Change } from "@evenkeel/contracts/change";
import { type ChangeAction, type ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Shop, ShopVersion } from "../shop.ts";
import type { Dice } from "./dice.ts";

/** What became of one change. */
export interface Played {
  readonly changeId: ChangeId;
  readonly journey: string;
  readonly startedMs: number;
  endedMs: number;
  /** What is not as it had to be; null = all is. */
  wrong: string | null;
  /** It stood still for 10 s with every process there, and nobody was offered what would move it. */
  stuck: string | null;
}

/** A journey could not be ended: nothing after it would say anything. */
export class GivenUp extends Error {}

export interface JourneysOptions {
  readonly shop: Shop;
  readonly dice: Dice;
  /** Since when all processes have been there, by `performance.now()`; null = not so now. */
  readonly quietSince: () => number | null;
}

const STUCK_MS = 10_000;
const GIVE_UP_MS = 120_000;
const LOOK_AGAIN_MS = 500;
const HEALTH = { path: "/healthz", startSeconds: 8, intervalSeconds: 0.3 };
/** In these states it is a person's turn. */
const RESTING: readonly ChangeState[] = ["failed", "paused", "awaiting-confirmation", "planned"];
const FORWARD: readonly ChangeAction[] = ["retry", "skip", "confirm", "resume", "start", "declare-lost", "close"];

/** Releases, rollbacks and retries of the shop, one after another, as a person would ask for them: each verb once. */
export class Journeys {
  readonly played: Played[] = [];
  readonly #options: JourneysOptions;
  readonly #mended: string;
  #round = 0;
  #deck: (() => Promise<void>)[] = [];

  constructor(options: JourneysOptions) {
    this.#options = options;
    this.#mended = join(options.shop.platform.home, "test", "mended-");
  }

  /** The change that is under way. */
  get current(): Played | null {
    const last = this.played.at(-1);
    return last !== undefined && last.endedMs === 0 ? last : null;
  }

  /** Plays the next journey to its end. */
  async next(): Promise<void> {
    const all = [() => this.#forthAndBack(), () => this.#mend(), () => this.#broken(), () => this.#turnBack()];
    if (this.#deck.length === 0) this.#deck = this.#options.dice.shuffled(all);
    this.#round += 1;
    await this.#deck.pop()?.();
  }

  /** A release that succeeds, and the rollback of it. */
  async #forthAndBack(): Promise<void> {
    const release = await this.#release("release", { version: this.#version() });
    const ended = await this.#rest(release);
    if (!this.#expect(ended, "succeeded")) return await this.#wayOut(release, ended);
    const speed = this.#options.dice.pick(["follow", "fast"] as const);
    const { id } = await this.#act(release.changeId, "rollback", { speed, reason: "the way back is tried" });
    await this.#return(id);
  }

  /** Starts the rollback of a release that had succeeded. */
  async #return(id: ChangeId): Promise<void> {
    const back = this.#begin(id, "rollback");
    await this.#act(id, "start", { wait: true });
    const returned = await this.#rest(back);
    if (!this.#expect(returned, "succeeded")) await this.#wayOut(back, returned);
  }

  /** A release that fails until a person mends what it needs, and then presses retry. */
  async #mend(): Promise<void> {
    const version = this.#version();
    const sickUntil = `${this.#mended}${version}`;
    const release = await this.#release("retry", { version, flaws: { sickUntil }, manifest: { health: HEALTH } });
    const failed = await this.#rest(release, false);
    if (!this.#expect(failed, "failed")) return await this.#wayOut(release, failed);
    writeFileSync(sickUntil, "");
    await this.#act(release.changeId, "retry", {});
    const ended = await this.#rest(release);
    if (!this.#expect(ended, "succeeded")) await this.#wayOut(release, ended);
  }

  /** A release that fails, fails again, and is rolled back. */
  async #broken(): Promise<void> {
    const what = { version: this.#version(), health: 500, manifest: { health: HEALTH } };
    const release = await this.#release("broken", what);
    const failed = await this.#rest(release, false);
    if (!this.#expect(failed, "failed")) return await this.#wayOut(release, failed);
    await this.#act(release.changeId, "retry", {});
    const again = await this.#rest(release, false);
    if (!this.#expect(again, "failed")) return await this.#wayOut(release, again);
    await this.#back(release);
  }

  /** A release that is rolled back in its midst. */
  async #turnBack(): Promise<void> {
    const release = await this.#release("turned back", { version: this.#version() });
    const begun = await this.#rest(release, false, ({ targets }) => targets.succeeded > 0);
    // It may have ended before anybody could ask.
    if (begun.state === "running") return await this.#back(release);
    const ended = await this.#rest(release);
    if (!this.#expect(ended, "succeeded")) await this.#wayOut(release, ended);
  }

  async #back(release: Played): Promise<void> {
    const speed = this.#options.dice.pick(["follow", "fast"] as const);
    const asked = await this.#act(release.changeId, "rollback", { speed, reason: "it is not wanted" }).catch(String);
    const ended = await this.#rest(release);
    if (ended.state === "rolled-back") return;
    // It may have ended between the look and the word; then that was refused, or the answer is a change of its own.
    const tooLate = ended.state === "succeeded" && (typeof asked === "string" || asked.rollbackOf === release.changeId);
    if (!tooLate) this.#note(release, `${ended.state}, not rolled-back: ${JSON.stringify(ended.problem)} ${asked}`);
    else if (typeof asked !== "string") await this.#return(asked.id);
  }

  #version(): string {
    return `${this.#round + 1}.0.0`;
  }

  async #release(journey: string, what: ShopVersion): Promise<Played> {
    const batches = this.#options.dice.pick(["each", { by: "zone" }, { size: 3 }] as const);
    const { id } = await onceHostsAreThere(() => this.#options.shop.plan({ ...what, strategy: { beta: 1, batches } }));
    const played = this.#begin(id, journey);
    await this.#act(id, "start", { wait: true });
    return played;
  }

  #begin(changeId: ChangeId, journey: string): Played {
    const played = { changeId, journey, startedMs: Date.now(), endedMs: 0, wrong: null, stuck: null };
    this.played.push(played);
    return played;
  }

  /** A verb is said once. */
  async #act(id: ChangeId, action: ChangeAction, body: object): Promise<Change> {
    return await onceHostsAreThere(() => this.#options.shop.platform.client.act(id, action, body as never));
  }

  /** Follows the change until it rests or has ended, and notes when it stands still; `last` = its journey is over then. */
  async #rest(played: Played, last = true, isSo: (change: Change) => boolean = () => false): Promise<Change> {
    const { client } = this.#options.shop.platform;
    let seen = "";
    let movedAt = performance.now();
    for await (const { change, rollback } of followChange(client, played.changeId, { everyMs: 500 })) {
      const mark = `${change.sequence}.${rollback?.sequence}`;
      if (mark !== seen) movedAt = performance.now();
      seen = mark;
      if (hasMoved(change)) {
        // While it waited for the service a host caught up with the change before: the plan is refused, nothing was done.
        await this.#act(change.id, "replan", {});
        await this.#act(change.id, "start", { wait: true });
        continue;
      }
      const rests = [change, rollback].some((each) => each !== null && RESTING.includes(each.state));
      if (isSo(change) || isTerminal(change.state) || rests) {
        if (last || isTerminal(change.state)) played.endedMs = Date.now();
        return change;
      }
      this.#judgeStill(played, { change, rollback, movedAt });
    }
    throw new GivenUp(`change ${played.changeId} is followed no more`);
  }

  #judgeStill(
    played: Played,
    { change, rollback, movedAt }: { change: Change; rollback: Change | null; movedAt: number },
  ): void {
    const quietSince = this.#options.quietSince();
    const offered = [change, rollback].flatMap((each) => each?.allowedActions ?? []);
    if (quietSince === null || FORWARD.some((action) => offered.includes(action))) return;
    const stillMs = performance.now() - Math.max(quietSince, movedAt);
    const told = `${played.journey}: ${change.state} ${rollback?.state ?? ""} ${describeSteps(rollback ?? change)}`;
    if (stillMs > STUCK_MS) played.stuck ??= told;
    if (stillMs > GIVE_UP_MS) throw new GivenUp(`stood still for ${Math.round(stillMs / 1000)} s: ${told}`);
  }

  #expect(change: Change, state: ChangeState): boolean {
    if (change.state === state) return true;
    const played = this.played.findLast(({ changeId }) => changeId === change.id);
    if (played !== undefined)
      this.#note(played, `${change.state}, not ${state}: ${JSON.stringify(change.problem)} ${describeSteps(change)}`);
    return false;
  }

  #note(played: Played, wrong: string): void {
    played.wrong ??= `${played.journey} ${played.changeId}: ${wrong}`;
    played.endedMs = Date.now();
  }

  /** After what should not have been, the next journey needs the service free. */
  async #wayOut(played: Played, { allowedActions, state }: Change): Promise<void> {
    if (isTerminal(state) || !allowedActions.includes("rollback")) return;
    await this.#act(played.changeId, "rollback", { speed: "fast", reason: "the run goes on" });
    await this.#rest(played);
  }
}

const hasMoved = ({ state, problem }: Change): boolean => state === "planned" && problem?.code === "PLAN_BASIS_MOVED";

/** What is refused because no host is online has done nothing: it is said when hosts are there. */
async function onceHostsAreThere(ask: () => Promise<Change>): Promise<Change> {
  const until = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const offline = error instanceof PlatformError && error.code === "HOSTS_OFFLINE";
      if (!offline || performance.now() > until) throw error;
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

/** Where each target stands that has not ended. */
function describeSteps({ groups }: Change): string {
  const targets = groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  const open = targets.filter(({ state }) => !["succeeded", "pending", "staged"].includes(state));
  return open
    .map(({ name, state, steps }) => {
      const step = steps.findLast((one) => one.state !== "pending" && one.state !== "succeeded");
      return `${name} ${state} (${step?.name} ${step?.state} ${step?.waitingFor ?? ""})`;
    })
    .join(", ");
}
