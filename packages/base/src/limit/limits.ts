// Once a second: what each module has used and done, whether it is over a limit, and what follows.
import { getHeapStatistics } from "node:v8";
import type { BaseStatistics, ModuleStatistics } from "@evenkeel/contracts/base-protocol";
import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import type { ModuleHost } from "../lifecycle/module-host.ts";
import type { ModuleInstance } from "../lifecycle/module-instance.ts";
import { runAsBase } from "../owner/owner.ts";
import { WorkerRuntime } from "../worker/worker-runtime.ts";
import type { Limited } from "./heap-samples.ts";
import { counted, type Excess, excessesOf, isGross, WINDOWS_OVER } from "./judge.ts";
import { LoopDelay, type LoopDelays } from "./loop-delay.ts";
import type { Measures } from "./measures.ts";
import { Profile } from "./profile.ts";

const WINDOW_MS = 1000;
/** Whoever looks every ten seconds misses no delay between. */
const DELAYS_KEPT = 10;

interface Window {
  readonly cpuMs: ReadonlyMap<string, number> | null;
  readonly heapBytes: ReadonlyMap<string, number>;
  readonly spanMs: number;
}

export class Limits {
  readonly #host: ModuleHost;
  readonly #profile = new Profile();
  readonly #delay = new LoopDelay();
  /** Windows in a row over each limit, by module. */
  readonly #over = new WeakMap<ModuleInstance, Map<string, number>>();
  readonly #excesses = new WeakMap<ModuleInstance, readonly Excess[]>();
  /** Modules whose thread has been found standing still, and has not been seen running since. */
  readonly #held = new WeakSet<ModuleInstance>();
  readonly #threadCpuMs = new WeakMap<object, number>();
  #timer: NodeJS.Timeout | null = null;
  #turnedAt = performance.now();
  #cpu = process.cpuUsage();
  #cpuPercent = 0;
  #delays: readonly LoopDelays[] = [];

  constructor(host: ModuleHost) {
    this.#host = host;
  }

  open(): void {
    runAsBase(() => {
      this.#profile.open();
      this.#delay.open();
      this.#timer = setInterval(() => void this.#turn(), WINDOW_MS).unref();
    });
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#delay.close();
    this.#profile.close();
  }

  statistics(): BaseStatistics {
    const { user, system } = process.cpuUsage();
    return {
      at: new Date().toISOString(),
      cpuPercent: this.#cpuPercent,
      cpuMs: (user + system) / 1000,
      loopDelayP99Ms: Math.max(0, ...this.#delays.map(({ p99Ms }) => p99Ms)),
      loopDelayMaxMs: Math.max(0, ...this.#delays.map(({ maxMs }) => maxMs)),
      rssBytes: process.memoryUsage.rss(),
      heapUsedBytes: process.memoryUsage().heapUsed,
      heapLimitBytes: getHeapStatistics().heap_size_limit,
      modules: this.#host.instances.map((instance) => this.#statisticsOf(instance)),
    };
  }

  #statisticsOf(instance: ModuleInstance): ModuleStatistics {
    const { name, manifest, measures, visits } = instance;
    const { requests, errors, cpuPercent, cpuMs, blockMs, heapBytes, throttled, restarts, whole } = measures;
    return {
      ...{ name, version: manifest.version, requests, cpuPercent, cpuMs, blockMs, heapBytes, throttled, restarts },
      latency: whole.counts(),
      errors: errors + visits.errors,
      inFlight: visits.inFlight,
      p50Ms: whole.quantile(0.5),
      p99Ms: whole.quantile(0.99),
      over: [...(this.#excesses.get(instance) ?? [])],
    };
  }

  async #turn(): Promise<void> {
    const spanMs = performance.now() - this.#turnedAt;
    this.#turnedAt = performance.now();
    this.#turnBase(spanMs);
    const inline = this.#host.instances.filter(({ manifest }) => manifest.isolation === "inline");
    this.#profile.wantCpu(inline.some(({ manifest }) => manifest.limits.cpuPercent !== undefined));
    const heapBytes = this.#profile.heap.bytes(inline.flatMap(limitedIn));
    const window = { cpuMs: this.#profile.cpuMs(), heapBytes, spanMs };
    for (const instance of this.#host.instances) {
      if (instance.state === "active") await this.#judge(instance, window);
      if (instance.runtime instanceof WorkerRuntime) void this.#judgeHeld(instance, instance.runtime);
    }
  }

  #turnBase(spanMs: number): void {
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    this.#cpuPercent = (user + system) / 10 / spanMs;
    this.#delays = [this.#delay.take(), ...this.#delays].slice(0, DELAYS_KEPT);
  }

  async #judge(instance: ModuleInstance, window: Window): Promise<void> {
    const { measures, manifest } = instance;
    await this.#measure(instance, window);
    const { windowRequests: requests, windowErrors: errors } = measures;
    const { heapBytes, cpuPercent } = measures;
    const p99Ms = measures.window.quantile(0.99);
    const over = excessesOf(manifest.limits, { heapBytes, cpuPercent, requests, errors, p99Ms });
    measures.turn();
    const rows = counted(this.#over.get(instance) ?? new Map(), over);
    this.#over.set(instance, rows);
    const lasting = over.filter((each) => isGross(each) || (rows.get(each.measure) ?? 0) >= WINDOWS_OVER);
    const before = this.#excesses.get(instance) ?? [];
    this.#excesses.set(instance, lasting);
    if (lasting.length > 0) this.#act(instance, lasting, before);
    else if (before.length > 0) this.#relent(instance);
  }

  async #measure(instance: ModuleInstance, { cpuMs, heapBytes, spanMs }: Window): Promise<void> {
    const { measures, runtime, key } = instance;
    if (runtime instanceof WorkerRuntime) {
      const usage = await runtime.usage().catch(() => null);
      if (usage === null) return;
      const before = this.#threadCpuMs.get(runtime.worker) ?? 0;
      this.#threadCpuMs.set(runtime.worker, usage.cpuMs);
      measures.heapBytes = usage.heapBytes;
      ran(measures, Math.max(0, usage.cpuMs - before), spanMs);
      measures.cpuPercent = Math.max(measures.cpuPercent, runtime.askedPercent);
      return;
    }
    measures.heapBytes = heapBytes.get(key) ?? measures.heapBytes;
    // Where it was entered it was timed, what follows an await is only in samples, and those miss code that V8 has inlined elsewhere.
    ran(measures, Math.max(measures.windowBusyMs, cpuMs?.get(key) ?? 0), spanMs);
  }

  #act(instance: ModuleInstance, lasting: readonly Excess[], before: readonly Excess[]): void {
    const known = new Set(before.map(({ measure }) => measure));
    for (const { measure, value, most, action } of lasting) {
      const facts = { module: instance.key, measure, value: Math.round(value * 10) / 10, most };
      if (!known.has(measure)) {
        instance.log.add("stderr", `over its limit: ${measure} ${facts.value}, at most ${most}: ${action}`);
        instance.judge(false, problemOf("MODULE_OVER_LIMIT", facts));
      }
      if (action === "throttle") instance.throttled = true;
      else if (action === "eject") this.#host.eject(instance, new PlatformError("MODULE_OVER_LIMIT", facts));
      else if (action === "restart-worker" && instance.runtime instanceof WorkerRuntime)
        void instance.runtime.restart();
    }
  }

  /** A thread that holds its own loop holds nobody else's: no watchdog sees it, and its callers would wait for ever. */
  async #judgeHeld(instance: ModuleInstance, runtime: WorkerRuntime): Promise<void> {
    const heldMs = await runtime.heldMs();
    const { measures, manifest, key } = instance;
    const { most, action } = manifest.limits.blockMs;
    measures.blockMs = Math.max(measures.blockMs, Math.round(heldMs));
    if (heldMs < most) return this.#runsAgain(instance);
    if (instance.state !== "active" || this.#held.has(instance)) return;
    this.#held.add(instance);
    const facts = { module: key, frame: await runtime.standsIn(), blockedMs: Math.round(heldMs) };
    const error = new PlatformError("MODULE_BLOCKED", facts);
    instance.log.add("stderr", error.message);
    if (action === "eject") return this.#host.eject(instance, error);
    instance.judge(false, problemOf(error.code, error.facts));
    if (action === "throttle") instance.throttled = true;
    if (action === "restart-worker") await runtime.restart();
  }

  #runsAgain(instance: ModuleInstance): void {
    if (this.#held.delete(instance) && instance.state === "active") this.#relent(instance);
  }

  #relent(instance: ModuleInstance): void {
    instance.throttled = false;
    instance.judge(true, null);
  }
}

function limitedIn({ key, manifest: { limits }, state }: ModuleInstance): Limited[] {
  return limits.heapMb === undefined || state !== "active" ? [] : [{ key, mostMb: limits.heapMb.most }];
}

function ran(measures: Measures, cpuMs: number, spanMs: number): void {
  measures.cpuMs += cpuMs;
  measures.cpuPercent = (cpuMs / spanMs) * 100;
}
