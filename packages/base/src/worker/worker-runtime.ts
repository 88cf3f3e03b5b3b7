// A module in a thread of its own.
//
// 1. What is published of it stays the same object while its thread is started anew: calls in between fail with MODULE_CRASHED, none waits for ever.
// 2. A thread that ends by itself is started again, at most five times a minute; then the module is given up.
// 3. The heap cap of the thread is far above the module's limit: V8 may abort the whole process at the cap, so the limit is watched and the thread ended.
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Bundle } from "../bundle/format.ts";
import { sentenceOf } from "../failure.ts";
import type { SharedLibraries } from "../inline/require.ts";
import type { Closing, Connection } from "../lifecycle/connection.ts";
import type { Disposal, Offer, Runtime } from "../lifecycle/runtime.ts";
import type { RequestHandler, Service, UpgradeHandler } from "../module-api.ts";
import { runAsBase } from "../owner/owner.ts";
import { makeScratchFolder } from "../scratch-folder.ts";
import { Forwarder } from "./forward.ts";
import { Pulse, standsIn } from "./pulse.ts";
import { Share } from "./share.ts";
import { openTunnel } from "./tunnel.ts";
import { type Callee, Calls, fromWire, heldBy, type WireMessage, type WorkerOffer, type WorkerStart } from "./wire.ts";

/** What a worker module is given by its base. */
export interface WorkerGround {
  readonly libraries: SharedLibraries;
  readonly service: (name: string) => object;
  readonly emit: (event: string, payload: unknown) => Promise<void>;
  /** A thread for a module with this limit of its heap (0: none). */
  readonly thread: (limitMb: number) => Worker;
  readonly log: (stream: "stdout" | "stderr", text: string) => void;
  /** The thread has ended by itself; `again`: it is being started anew. */
  readonly crashed: (error: PlatformError, again: boolean) => void;
  /** It serves again. */
  readonly recovered: () => void;
  /** Its heap has more than twice its limit, and its thread ends for that; true: the module with it. */
  readonly swollen: (heapBytes: number) => boolean;
}

const MOST_RESTARTS_A_MINUTE = 5;
const TERMINATE_MS = 5000;
const HEAP_LOOK_MS = 20;
/** Of a thread that has not told yet what it takes itself. */
const UNTOLD_OWN_BYTES = 64 * 1024 ** 2;

interface Thread {
  readonly worker: Worker;
  readonly calls: Calls;
  readonly loaded: Promise<Extract<WireMessage, { kind: "loaded" }>>;
}

export class WorkerRuntime implements Runtime {
  cache: Runtime["cache"] = "absent";
  loadMs = 0;
  readonly trace: WeakRef<object>;
  readonly #bundle: Bundle;
  readonly #ground: WorkerGround;
  readonly #name: string;
  readonly #folder = makeScratchFolder("worker");
  readonly #forwarders = new Set<Forwarder>();
  readonly #restarts: number[] = [];
  #forwarder: Forwarder;
  #thread: Thread;
  /** Of the thread that serves; null: none does. */
  #pulse: Pulse | null = null;
  #ownBytes = UNTOLD_OWN_BYTES;
  #share: Share | null = null;
  /** Why the thread ends; those who wait for it hear no more than that their connection is gone. */
  #lastWords: string | null = null;
  #generation = 0;
  #active = false;
  #leaving = false;

  private constructor(bundle: Bundle, ground: WorkerGround) {
    this.#bundle = bundle;
    this.#ground = ground;
    this.#name = `${bundle.facts.manifest.name}@${bundle.facts.manifest.version}`;
    this.#forwarder = this.#newForwarder();
    this.#thread = this.#start();
    this.trace = new WeakRef<object>(this.#thread.worker);
  }

  /** Starts the thread and waits until the code of the module is loaded. */
  static async load(bundle: Bundle, ground: WorkerGround): Promise<WorkerRuntime> {
    const runtime = new WorkerRuntime(bundle, ground);
    try {
      await runtime.#loaded();
      return runtime;
    } catch (error) {
      await runtime.dispose();
      throw error;
    }
  }

  async #loaded(): Promise<void> {
    const { cache, loadMs } = await this.#thread.loaded;
    this.cache = cache;
    this.loadMs = loadMs;
  }

  get worker(): Worker {
    return this.#thread.worker;
  }

  #newForwarder(): Forwarder {
    const forwarder = new Forwarder(this.#socketPath());
    this.#forwarders.add(forwarder);
    return forwarder;
  }

  #socketPath(): string {
    return join(this.#folder, `${this.#generation}.sock`);
  }

  #start(): Thread {
    this.#ownBytes = UNTOLD_OWN_BYTES;
    const { facts, code, cache } = this.#bundle;
    const start: WorkerStart = { facts, code, cache, libraries: this.#libraries(), socketPath: this.#socketPath() };
    const limitMb = facts.manifest.limits.heapMb?.most ?? 0;
    const worker = this.#ground.thread(limitMb);
    worker.postMessage(start);
    const looking = limitMb > 0 ? this.#watchHeap(worker, 2 * limitMb) : undefined;
    const calls = new Calls(worker, (callee, args) => this.#serve(callee, args));
    const loaded = Promise.withResolvers<Extract<WireMessage, { kind: "loaded" }>>();
    loaded.promise.catch(() => undefined);
    this.#lastWords = null;
    worker.on("message", (message: WireMessage) => {
      if (message.kind === "loaded") {
        this.#ownBytes = message.thread.ownBytes;
        this.#share = this.#shareOf(worker, message.thread.id);
        loaded.resolve(message);
      } else if (message.kind === "failed") loaded.reject(fromWire(message.error));
      else if (message.kind === "log") this.#ground.log(message.stream, message.text);
      else if (message.kind === "call") void calls.answer(message);
      else calls.settle(message);
    });
    worker.on("error", (error) => {
      const words = sentenceOf(error);
      this.#lastWords = words;
      this.#ground.log("stderr", error instanceof Error ? (error.stack ?? words) : words);
    });
    worker.on("exit", (code) => {
      clearInterval(looking);
      this.#share?.close();
      this.#share = null;
      const error = this.#crash(this.#lastWords ?? `it ended with ${code}`);
      loaded.reject(error);
      calls.fail(error);
      this.#ended(worker, error);
    });
    return { worker, calls, loaded: loaded.promise };
  }

  // A loop that allocates is at V8's cap before the second is over in which limits are judged (invariant 3).
  #watchHeap(worker: Worker, mostMb: number): NodeJS.Timeout {
    const look = async (): Promise<void> => {
      const used = await this.#heapOf(worker);
      if (used < mostMb * 1024 ** 2) return;
      clearInterval(timer);
      worker.emit("error", new Error(`its heap had ${Math.round(used / 1024 ** 2)} MB, twice its limit`));
      this.#leaving ||= this.#active && this.#ground.swollen(used);
      await worker.terminate();
    };
    const timer = runAsBase(() => setInterval(() => void look().catch(() => undefined), HEAP_LOOK_MS).unref());
    return timer;
  }

  #shareOf(worker: Worker, threadId: number | null): Share | null {
    const limit = this.#bundle.facts.manifest.limits.cpuPercent;
    return limit && limit.action !== "alarm" ? Share.of(worker, threadId, limit.most) : null;
  }

  #libraries(): WorkerStart["libraries"] {
    const needed = Object.keys(this.#bundle.facts.manifest.needs.libraries);
    return Object.fromEntries(
      needed.map((name) => {
        const { version = "", from } = this.#ground.libraries[name] ?? {};
        if (from === undefined)
          throw new PlatformError("DEPENDENCY_MISSING", { module: this.#name, library: name, range: "in workers" });
        return [name, { version, from }];
      }),
    );
  }

  #crash(problem: string): PlatformError {
    return new PlatformError("MODULE_CRASHED", { module: this.#name, problem });
  }

  #ended(worker: Worker, error: PlatformError): void {
    // A thread that was replaced, or that leaves, has ended as it should.
    if (this.#leaving || !this.#active || worker !== this.#thread.worker) return;
    this.#pulse = null;
    const now = performance.now();
    while (this.#restarts[0] !== undefined && now - this.#restarts[0] > 60_000) this.#restarts.shift();
    this.#restarts.push(now);
    const again = this.#restarts.length <= MOST_RESTARTS_A_MINUTE;
    this.#ground.crashed(error, again);
    if (again) void this.#startAgain().catch(() => undefined);
  }

  async #startAgain(): Promise<void> {
    this.#generation += 1;
    this.#thread = this.#start();
    await this.#loaded();
    await this.#thread.calls.call({ kind: "activate" });
    this.#forwarder = this.#newForwarder();
    this.#pulse = new Pulse(this.#thread.calls);
    this.#ground.recovered();
  }

  #serve(callee: Callee, args: readonly unknown[]): unknown {
    if (callee.kind === "emit") return this.#ground.emit(callee.name, args[0]);
    if (callee.kind === "service") return (this.#ground.service(callee.name) as Service)[callee.method]?.(...args);
    return undefined;
  }

  async activate(): Promise<Offer> {
    const offer = (await this.#thread.calls.call({ kind: "activate" })) as WorkerOffer;
    this.#active = true;
    this.#pulse = new Pulse(this.#thread.calls);
    const route: RequestHandler = (request, response) =>
      this.#forwarder.forward(request, response).catch((error: unknown) => {
        throw this.#crash(this.#lastWords ?? sentenceOf(error));
      });
    const upgrade: UpgradeHandler = (request, socket, head) =>
      openTunnel(this.#socketPath(), { request, socket, head }).catch((error: unknown) => {
        throw this.#crash(this.#lastWords ?? sentenceOf(error));
      });
    const call =
      (callee: Callee) =>
      async (...args: unknown[]) =>
        await this.#thread.calls.call(callee, args);
    const named = (kind: "event" | "job" | "component", names: readonly string[]) =>
      new Map(names.map((name) => [name, call({ kind, name })]));
    const service = ([name, methods]: [string, readonly string[]]) =>
      [name, Object.fromEntries(methods.map((method) => [method, call({ kind: "service", name, method })]))] as const;
    return {
      routes: new Map(offer.routes.map((path) => [path, route])),
      upgrades: new Map(offer.upgrades.map((path) => [path, upgrade])),
      services: new Map(Object.entries(offer.services).map(service)),
      events: named("event", offer.events),
      jobs: named("job", offer.jobs),
      components: named("component", offer.components),
      snippet: offer.snippet ? call({ kind: "snippet" }) : null,
      health: offer.health ? call({ kind: "health" }) : null,
    };
  }

  enter<Result>(work: () => Result): Result {
    return runAsBase(work);
  }

  /** Nothing of the base is listened to from a thread. */
  lend(): void {}

  /** What the thread uses, also while it is blocked. */
  async usage(): Promise<{ heapBytes: number; cpuMs: number }> {
    const { worker } = this.#thread;
    const [heap, cpu] = await Promise.all([this.#heapOf(worker), worker.cpuUsage()]);
    return { heapBytes: heap, cpuMs: (cpu.user + cpu.system) / 1000 };
  }

  /** What it has asked for of a processor, where it gets less because it is over its share; else 0. */
  get askedPercent(): number {
    return this.#share?.askedPercent ?? 0;
  }

  async #heapOf(worker: Worker): Promise<number> {
    return Math.max(0, heldBy(await worker.getHeapStatistics()) - this.#ownBytes);
  }

  /** For how long its loop has stood still when it was last looked at, in ms. */
  async heldMs(): Promise<number> {
    return (await this.#pulse?.heldMs()) ?? 0;
  }

  /** Where in its code it is. */
  async standsIn(): Promise<string> {
    return await standsIn(this.#thread.worker);
  }

  /** Ends the thread, which is then started anew (invariant 2). */
  async restart(): Promise<void> {
    await this.#terminate();
  }

  // The thread does it, which knows where a frame ends; of one that does not hear, the connections are cut.
  hangUp(_: Iterable<Connection>, closing: Closing): void {
    this.#thread.calls.call({ kind: "hang-up", closing }).catch(() => undefined);
  }

  async shutdown(): Promise<void> {
    this.#leaving = true;
    await this.#thread.calls.call({ kind: "shutdown" });
  }

  async dispose(): Promise<Disposal> {
    this.#leaving = true;
    const ended = await this.#terminate();
    for (const forwarder of this.#forwarders) forwarder.close();
    rmSync(this.#folder, { recursive: true, force: true });
    const thing = { kind: "worker", name: this.#name, count: 1 };
    return ended ? { closed: [thing], left: [] } : { closed: [], left: [thing] };
  }

  /** False: it did not end; some loops of V8 cannot be ended by anything in this process. */
  async #terminate(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), TERMINATE_MS);
    });
    const ended = this.#thread.worker.terminate().then(() => true);
    return await Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }
}
