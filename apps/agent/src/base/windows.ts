import type { BaseStatistics, ModuleStatistics } from "@evenkeel/contracts/base-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { BaseWindow, ModuleWindow } from "@evenkeel/contracts/module-statistics";
import type { BaseProcess } from "./base-process.ts";

/** A base that has not answered by then has its loop blocked: it is left out. */
const ANSWER_MS = 1500;
const MODULES_TOLD = 500;

/** What a base said of itself, and when on the clock that nobody sets. */
export interface Look {
  readonly atMs: number;
  readonly statistics: BaseStatistics;
}

/** What bases have done between one look and the next. */
export class BaseWindows {
  readonly #bases: () => readonly BaseProcess[];
  /** Goes with the process that it is about. */
  readonly #looks = new WeakMap<BaseProcess, Look>();

  constructor(bases: () => readonly BaseProcess[]) {
    this.#bases = bases;
  }

  /** Of the first look at a process nothing is told. */
  async take(): Promise<BaseWindow[]> {
    const taken = await Promise.all(this.#bases().map((base) => this.#takeOne(base).catch(() => null)));
    return taken.filter((window) => window !== null);
  }

  async #takeOne(base: BaseProcess): Promise<BaseWindow | null> {
    const statistics = await base.ask("statistics", {}, AbortSignal.timeout(ANSWER_MS));
    const look = { atMs: performance.now(), statistics };
    const before = this.#looks.get(base);
    this.#looks.set(base, look);
    return before === undefined ? null : windowBetween(base.options.slot, before, look);
  }
}

/** Counts of the one look taken from those of the other. */
export function windowBetween(slot: ServiceId, before: Look, now: Look): BaseWindow {
  const windowMs = now.atMs - before.atMs;
  const earlier = new Map(before.statistics.modules.map((one) => [`${one.name}@${one.version}`, one]));
  const { cpuMs, rssBytes, heapUsedBytes, heapLimitBytes, loopDelayP99Ms, loopDelayMaxMs, modules } = now.statistics;
  return {
    ...{ slot, windowMs, rssBytes, heapUsedBytes, heapLimitBytes, loopDelayP99Ms, loopDelayMaxMs },
    cpuPercent: percent(cpuMs - before.statistics.cpuMs, windowMs),
    modules: modules
      .slice(0, MODULES_TOLD)
      .map((one) => moduleWindow(earlier.get(`${one.name}@${one.version}`), one, windowMs)),
  };
}

function moduleWindow(before: ModuleStatistics | undefined, now: ModuleStatistics, windowMs: number): ModuleWindow {
  // Fewer than before: it was taken away and came again, and counts from its beginning.
  const since = before !== undefined && before.requests <= now.requests ? before : undefined;
  const { name, version, inFlight, heapBytes, blockMs } = now;
  const less = (field: "requests" | "errors" | "throttled" | "restarts"): number =>
    Math.max(0, now[field] - (since?.[field] ?? 0));
  return {
    ...{ name, version, inFlight, heapBytes, blockMs },
    requests: less("requests"),
    errors: less("errors"),
    throttled: less("throttled"),
    restarts: less("restarts"),
    cpuPercent: percent(now.cpuMs - (since?.cpuMs ?? 0), windowMs),
    latency: now.latency.map((count, bucket) => Math.max(0, count - (since?.latency[bucket] ?? 0))),
  };
}

const percent = (ms: number, ofMs: number): number => (Math.max(0, ms) / ofMs) * 100;
