import type { Failure, LoadReport } from "@evenkeel/load/report";
import type { Effect } from "../shop.ts";
import type { Kill } from "./killer.ts";

/** One attempt of a step, as the database has it. */
export interface Attempt {
  readonly type: string;
  readonly state: string;
  readonly dispatched_at: Date;
  readonly finished_at: Date | null;
  readonly facts: { readonly pid?: number; readonly address?: string; readonly reused?: boolean };
}

/** Of a killed gateway's connections a client may not have heard yet that they are gone. */
const NEWS_MS = 1000;
const AROUND_MS = 3000;

/** What was struck while a request was on its way, for whoever looks for the reason of its failure. */
export function strikesAround({ at, sentAt }: Failure, kills: readonly Kill[]): string {
  return strikesBetween(kills, Date.parse(sentAt) - AROUND_MS, Date.parse(at) + AROUND_MS);
}

/** What was struck in that time, in ms since 1970. */
export function strikesBetween(kills: readonly Kill[], fromMs: number, toMs: number): string {
  return kills
    .filter(({ atMs, overMs }) => atMs <= toMs && overMs >= fromMs)
    .map(({ part, how, atMs, overMs }) => `${how} ${part} ${clockOf(atMs)} – ${clockOf(overMs)}`)
    .join(", ");
}

const clockOf = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

/** Failed requests, those on connections that a killed gateway had accepted counted apart. */
export function judgeRequests({ failed, failures }: LoadReport, kills: readonly Kill[]) {
  const deaths = kills.filter(({ victim, how }) => victim === "gateway" && how === "kill");
  const accepted = ({ at, sentAt, kind, error }: Failure): boolean => {
    if (kind !== "reset" && kind !== "cut") return false;
    const sentMs = Date.parse(sentAt);
    const newsMs = error.includes("kept connection") ? NEWS_MS : 0;
    return deaths.some(({ atMs, overMs }) => sentMs <= overMs + newsMs && Date.parse(at) >= atMs);
  };
  const aborted = failures.filter(accepted);
  const others = failures.filter((failure) => !aborted.includes(failure));
  return { failedRequests: failed - aborted.length, abortedWithGateway: aborted.length, others };
}

/** What the application wrote down against what the platform says it did: each start once, each process stopped once. */
export function judgeEffects(effects: readonly Effect[], attempts: readonly Attempt[]) {
  const started = effects.filter(({ what }) => what === "start");
  const stopped = effects.filter(({ what }) => what === "stop");
  const starts = attempts.filter(({ type, facts }) => type === "start-instance" && facts.reused !== true);
  const told = starts
    .filter(({ state, facts }) => state === "succeeded" && facts.pid !== undefined)
    .map(({ facts }) => `${facts.address} ${facts.pid}`);
  // An attempt that was cut off may have started its process all the same, once.
  const cutOff = starts.filter(({ state }) => state !== "succeeded").length;
  const written = started.map(({ host, pid }) => `${host} ${pid}`);
  return {
    steps: told.length,
    repeated: [...beyond(written, told).slice(cutOff), ...twice(started), ...twice(stopped)],
    // Of one process two attempts may tell: the first was cut off before it was heard.
    missed: [...new Set(told)].filter((each) => !written.includes(each)),
  };
}

/** What is in the one more often than in the other: a pid may come again on the same host. */
function beyond(one: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return one.filter((each) => {
    const found = left.indexOf(each);
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
}

function twice(effects: readonly Effect[]): string[] {
  const processes = effects.map(({ host, pid, startTicks }) => `${host} ${pid} of tick ${startTicks}`);
  return processes.filter((each, index) => processes.indexOf(each) !== index);
}

/** The share of the kills that fell while a step was dispatched or running. */
export function shareInStep(kills: readonly Kill[], attempts: readonly Attempt[]): number {
  const hit = kills.filter(({ atMs }) =>
    attempts.some(
      ({ dispatched_at, finished_at }) => dispatched_at.getTime() <= atMs && (finished_at?.getTime() ?? atMs) >= atMs,
    ),
  );
  return kills.length === 0 ? 0 : hit.length / kills.length;
}
