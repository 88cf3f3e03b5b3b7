import { setTimeout as sleep } from "node:timers/promises";
import type { Failure } from "@evenkeel/load/report";
import { type Platform, startPlatform } from "../platform.ts";
import { queryDatabase } from "../platform-state.ts";
import { Shop } from "../shop.ts";
import { Dice } from "./dice.ts";
import { GivenUp, Journeys, type Played } from "./journeys.ts";
import { Killer, VICTIMS, type Victim } from "./killer.ts";
import { type Attempt, judgeEffects, judgeRequests, shareInStep, strikesAround, strikesBetween } from "./verdict.ts";

/** What a run is to be. */
export interface RunOptions {
  readonly seed: number;
  readonly kills: number;
  /** Ends it before all kills are done, at the end of a journey. */
  readonly limitMs?: number;
  readonly say: (line: string) => void;
  /** The platform, as soon as it is there, and again whenever another supervisor has taken it over. */
  readonly onPlatform: (platform: Platform) => void;
}

/** What came of it. */
export interface RunReport {
  readonly seed: number;
  readonly kills: number;
  readonly killed: Readonly<Record<Victim, number>>;
  readonly frozen: number;
  /** Kills that fell while a step was dispatched or running. */
  readonly inStepShare: number;
  readonly changes: number;
  readonly steps: number;
  readonly lostChanges: number;
  readonly repeatedSteps: number;
  readonly stuckChanges: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly abortedWithGateway: number;
  readonly gatewayBackMs: readonly number[];
  /** What is wrong, one line each; empty = nothing. */
  readonly wrong: readonly string[];
}

const ARGS = ["--empty", "--replicas", "2"];
const RATE = 100;
/** A frozen database or gateway lets everybody wait; nobody is to lose his request for that. */
const PATIENCE_MS = 30_000;
const GAP_MS = { least: 100, most: 1800 };
/** Then the change is left in peace, so that it can show whether it gets to its end. */
const KILLS_OF_A_CHANGE = 8;
const SHOWN = 20;

/** Kills and freezes processes of a platform of its own at random while releases, rollbacks and retries run under load. */
export async function killAnything(options: RunOptions): Promise<RunReport> {
  const { say, onPlatform } = options;
  const dice = new Dice(options.seed);
  const platform = await startPlatform({ args: ARGS });
  onPlatform(platform);
  const shop = new Shop(platform);
  const first = await shop.release({ version: "1.0.0" });
  if (first.state !== "succeeded") throw new Error(`the first release ended as ${first.state}`);
  const killer = new Killer({ platform, args: ARGS, dice: new Dice(options.seed + 1), ask: () => shop.ask() });
  const journeys = new Journeys({ shop, dice, quietSince: () => killer.quietSince });
  const load = shop.load(RATE, { timeoutMs: PATIENCE_MS, keptFailures: 1_000_000 });
  const wrong: string[] = [];
  try {
    const attacked = attack(options, { killer, journeys }).then(() => killer.quiet());
    await Promise.race([attacked, killer.broken]);
  } catch (error) {
    // What was done until then is judged all the same.
    wrong.push(error instanceof GivenUp ? error.message : `the run broke off: ${(error as Error).stack}`);
    // Said before the judgement, which asks a platform that may have gone.
    say(wrong.at(-1) ?? "");
  } finally {
    await killer.close();
    onPlatform(killer.platform);
  }
  const sent = await load.stop();
  const attempts = await attemptsOf(platform);
  const requests = judgeRequests(sent, killer.kills);
  const effects = judgeEffects(shop.effects(), attempts);
  const told = (failure: Failure): string =>
    `${JSON.stringify(failure)} beside ${strikesAround(failure, killer.kills)}`;
  const stuck = journeys.played.flatMap((played) => played.stuck ?? []);
  const lost = journeys.played.filter((played) => played.wrong !== null || played.endedMs === 0);
  const toldOf = ({ wrong: what, journey, startedMs, endedMs }: Played): string =>
    `${what ?? journey} beside ${strikesBetween(killer.kills, startedMs, endedMs || Date.now())}`;
  wrong.push(...lost.map(toldOf), ...stuck, ...requests.others.slice(0, SHOWN).map(told));
  for (const what of ["repeated", "missed"] as const)
    wrong.push(...effects[what].map((one) => `${what}: process ${one}`));
  for (const line of wrong) say(line);
  return {
    ...{ seed: options.seed, kills: killer.kills.length, frozen: frozenOf(killer) },
    killed: killedOf(killer),
    inStepShare: shareInStep(killer.kills, attempts),
    ...{ changes: journeys.played.length, steps: attempts.length },
    ...{ lostChanges: lost.length, stuckChanges: stuck.length },
    repeatedSteps: effects.repeated.length,
    requests: sent.requests,
    ...{ failedRequests: requests.failedRequests, abortedWithGateway: requests.abortedWithGateway },
    gatewayBackMs: killer.gatewayBackMs,
    wrong,
  };
}

const frozenOf = ({ kills }: Killer): number => kills.filter(({ how }) => how === "freeze").length;

const killedOf = ({ kills }: Killer): Record<Victim, number> =>
  Object.fromEntries(
    VICTIMS.map((victim) => [victim, kills.filter((kill) => kill.victim === victim).length]),
  ) as Record<Victim, number>;

interface Attacking {
  readonly killer: Killer;
  readonly journeys: Journeys;
}

async function attack({ kills, say, limitMs = Number.POSITIVE_INFINITY }: RunOptions, { killer, journeys }: Attacking) {
  const until = performance.now() + limitMs;
  const gaps = new Dice(kills);
  let over = false;
  const isOver = (): boolean => over || killer.kills.length >= kills || performance.now() > until;
  const striking = (async () => {
    const struck = new Map<object, number>();
    while (!isOver()) {
      await sleep(gaps.between(GAP_MS.least, GAP_MS.most));
      const { current } = journeys;
      const times = current === null ? KILLS_OF_A_CHANGE : (struck.get(current) ?? 0);
      if (current === null || times >= KILLS_OF_A_CHANGE || isOver()) continue;
      struck.set(current, times + 1);
      await killer.strike();
    }
  })();
  // Heard below; until then it is not unheard.
  striking.catch(() => undefined);
  try {
    while (!isOver()) {
      await journeys.next();
      const last = journeys.played.at(-1);
      say(
        `${killer.kills.length} kills, ${journeys.played.length} changes, ${last?.journey} ${last?.wrong ?? "as told"}`,
      );
    }
  } finally {
    over = true;
    await striking;
  }
}

async function attemptsOf(platform: Platform): Promise<Attempt[]> {
  return await queryDatabase<Attempt>(
    platform,
    "select type, state, dispatched_at, finished_at, facts from change_step",
  );
}
