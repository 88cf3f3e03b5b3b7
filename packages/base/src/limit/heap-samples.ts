// Samples of the heap are read seldom: V8 collects everything before it shows them, and stands still for about a millisecond per MB meanwhile.
// What it collects of its own accord tells for nothing how much is alive, though not whose; what has grown since may be alive or not.
import type { HeapProfiler, Session } from "node:inspector";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";
import { moduleOf } from "../inline/compile.ts";
import { BYTES_OF_MB, WINDOWS_OVER } from "./judge.ts";

const INTERVAL_BYTES = 64 * 1024;
/** So much of the time goes into readings that nothing asks for, so much into those for what may be garbage. */
const SHARE_OF_TIME = { idle: 1 / 1000, grown: 1 / 300 };
const SOONEST_IDLE_MS = 10_000;

/** A module whose heap is limited. */
export interface Limited {
  readonly key: string;
  readonly mostMb: number;
}

/** What the samples have shown. */
export interface Reading {
  readonly at: number;
  readonly tookMs: number;
  /** All that was alive then. */
  readonly aliveBytes: number;
  /** By module. */
  readonly bytes: ReadonlyMap<string, number>;
  /** Modules that were over their limit in the reading before, too. */
  readonly stillOver: ReadonlySet<string>;
}

/** What is known since without a reading. */
export interface Since {
  readonly ms: number;
  readonly windows: number;
  /** Alive when V8 collected last. */
  readonly aliveBytes: number;
  /** Alive or not yet collected. */
  readonly usedBytes: number;
}

const isOver = ({ key, mostMb }: Limited, bytes: Reading["bytes"]): boolean =>
  (bytes.get(key) ?? 0) > mostMb * BYTES_OF_MB;

/** Whether the samples are to be read again: a module may have come over its limit or twice that, or is acted upon in this window if it is over still. */
export function isDue(
  { tookMs, aliveBytes, bytes, stillOver }: Reading,
  limited: readonly Limited[],
  since: Since,
): boolean {
  if (since.ms >= Math.max(SOONEST_IDLE_MS, tookMs / SHARE_OF_TIME.idle)) return true;
  const grown = since.aliveBytes - aliveBytes;
  const mayHaveGrown = since.usedBytes - aliveBytes;
  return limited.some((module) => {
    const most = module.mostMb * BYTES_OF_MB;
    const room = most - (bytes.get(module.key) ?? 0);
    if (isOver(module, bytes))
      return mayHaveGrown >= most || grown <= room || (!stillOver.has(module.key) && since.windows >= WINDOWS_OVER - 1);
    return grown >= room || (mayHaveGrown >= room && since.ms >= tookMs / SHARE_OF_TIME.grown);
  });
}

/** Live bytes of inline modules, from samples of what they allocate. */
export class HeapSamples {
  readonly #session: Session;
  readonly #collections = new PerformanceObserver((list) => {
    const isMajor = (entry: object): boolean =>
      "detail" in entry && (entry.detail as { kind?: number }).kind === constants.NODE_PERFORMANCE_GC_MAJOR;
    if (list.getEntries().some(isMajor)) this.#aliveBytes = usedBytes();
  });
  #reading: Reading | null = null;
  #windows = 0;
  #aliveBytes = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Live bytes by module, as the last reading has shown them; what came since is in none. Is asked once in each window. */
  bytes(limited: readonly Limited[]): Reading["bytes"] {
    if (limited.length === 0) this.close();
    else if (this.#reading === null) this.#reading = this.#open();
    else {
      this.#windows += 1;
      const ms = performance.now() - this.#reading.at;
      const since = { ms, windows: this.#windows, aliveBytes: this.#aliveBytes, usedBytes: usedBytes() };
      if (isDue(this.#reading, limited, since)) this.#reading = this.#read(this.#reading, limited);
    }
    return this.#reading?.bytes ?? new Map();
  }

  #open(): Reading {
    this.#session.post("HeapProfiler.startSampling", { samplingInterval: INTERVAL_BYTES });
    this.#collections.observe({ entryTypes: ["gc"] });
    this.#windows = 0;
    this.#aliveBytes = usedBytes();
    return { at: performance.now(), tookMs: 0, aliveBytes: this.#aliveBytes, bytes: new Map(), stillOver: new Set() };
  }

  #read(before: Reading, limited: readonly Limited[]): Reading {
    const beganAt = performance.now();
    const bytes = new Map(limited.map(({ key }) => [key, 0]));
    this.#session.post("HeapProfiler.getSamplingProfile", (error, result) => {
      if (error === null) addHeap(result.profile.head, undefined, bytes);
    });
    const at = performance.now();
    const stillOver = limited.filter((module) => isOver(module, before.bytes)).map(({ key }) => key);
    this.#windows = 0;
    this.#aliveBytes = usedBytes();
    return { at, tookMs: at - beganAt, aliveBytes: this.#aliveBytes, bytes, stillOver: new Set(stillOver) };
  }

  close(): void {
    if (this.#reading === null) return;
    this.#collections.disconnect();
    this.#session.post("HeapProfiler.stopSampling");
    this.#reading = null;
  }
}

/** Of what has outlived its youth; just after a collection it is what is alive. */
const usedBytes = (): number =>
  getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith("new_"))
    .reduce((sum, { space_used_size: used }) => sum + used, 0);

function addHeap(
  node: HeapProfiler.SamplingHeapProfileNode,
  above: string | undefined,
  bytes: Map<string, number>,
): void {
  const module = moduleOf(node.callFrame.url) ?? above;
  if (module !== undefined) bytes.set(module, (bytes.get(module) ?? 0) + node.selfSize);
  for (const child of node.children) addHeap(child, module, bytes);
}
