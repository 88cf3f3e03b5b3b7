import type { Failure, LoadReport } from "@evenkeel/load/report";
import type { Effect } from "../shop.ts";
import type { Kill } from "./killer.ts";

/** One attempt of a step, as the database has it. */
export interface Attempt {
  readonly type: string;
  readonly state: string;
  readonly dispatched_at: Date;
  readonly finished_at: Date | null;
  readonly facts: { readonly pid?: number; readonly reused?: boolean };
}

/** Of a killed gateway's connections a client may not have heard yet that they are gone. */
const NEWS_MS = 1000;

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
  const started = effects.filter(({ what }) => what === "start").map(({ pid }) => pid);
  const stopped = effects.filter(({ what }) => what === "stop").map(({ pid }) => pid);
  const starts = attempts.filter(({ type, facts }) => type === "start-instance" && facts.reused !== true);
  const known = new Set(starts.flatMap(({ state, facts }) => (state === "succeeded" ? (facts.pid ?? []) : [])));
  // An attempt that was cut off may have started its process all the same, once.
  let cutOff = starts.filter(({ state }) => state !== "succeeded").length;
  const foreign = [...new Set(started)].filter((pid) => !known.has(pid)).filter(() => cutOff-- <= 0);
  const twice = [started, stopped].flatMap((pids) => pids.filter((pid, index) => pids.indexOf(pid) !== index));
  return {
    steps: known.size,
    repeated: [...foreign, ...twice],
    missed: [...known].filter((pid) => !started.includes(pid)),
    living: started.filter((pid) => !stopped.includes(pid)),
  };
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
