import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Worker } from "node:worker_threads";
import {
  BASE_PROTOCOL,
  BASE_SOCKET_VARIABLE,
  type BaseHealth,
  type BaseInput,
  type BaseOperation,
  type BaseReport,
  type BaseResult,
  type ModuleOrigin,
} from "@evenkeel/contracts/base-protocol";
import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import { valueAt } from "@evenkeel/contracts/json-path";
import type { BaseDescription } from "@evenkeel/contracts/module";
import { type ArkletServer, openArklet } from "./arklet/server.ts";
import { type ControlServer, openControl } from "./control/server.ts";
import { ProcessEngine, type Processes, type ProcessResult, type ProcessRun } from "./engine/process-engine.ts";
import { thisEngine } from "./inline/compile.ts";
import type { SharedLibraries } from "./inline/require.ts";
import { InlineRuntime, traceName } from "./inline/runtime.ts";
import { BASE_MODULE, ModuleHost } from "./lifecycle/module-host.ts";
import type { ModuleInstance } from "./lifecycle/module-instance.ts";
import { Visits } from "./lifecycle/visit.ts";
import { unwound, wasInterrupted } from "./limit/guard.ts";
import { Limits } from "./limit/limits.ts";
import { threadEvents } from "./limit/thread-events.ts";
import { type Suspicion, Watchdog } from "./limit/watchdog.ts";
import type { Service } from "./module-api.ts";
import { watchFaults } from "./owner/faults.ts";
import { knowGlobals } from "./owner/globals.ts";
import { proveFreed } from "./owner/memory.ts";
import { startTracking } from "./owner/owner.ts";
import { watchLanguage } from "./owner/patches.ts";
import { Board, type Published } from "./publication/board.ts";
import { emitEvent } from "./publication/events.ts";
import { Jobs } from "./publication/jobs.ts";
import { pick } from "./publication/pick.ts";
import { serveRequest } from "./publication/requests.ts";
import { serveUpgrade } from "./publication/upgrades.ts";
import { clearScratchFolders } from "./scratch-folder.ts";
import { ServiceRegistry } from "./service/registry.ts";
import { SpareThread } from "./worker/spare-thread.ts";
import { WorkerRuntime } from "./worker/worker-runtime.ts";

/** A service of the base, with the version that modules ask for. */
export interface BaseService {
  readonly version: string;
  readonly service: object;
}

export interface BaseOptions {
  readonly name: string;
  readonly version: string;
  /** What modules may use of the base's own copies: see `shareLibraries`. */
  readonly libraries?: SharedLibraries;
  readonly services?: Readonly<Record<string, BaseService>>;
  /** Interfaces that snippets may stand behind. */
  readonly snippets?: readonly string[];
  /** What the process engine chains: the points of each process. */
  readonly processes?: Processes;
  /** Where the agent reaches it; default: what it says in the environment. */
  readonly socketPath?: string;
  /** Lets tools of the SOFAArk family drive it, on the loopback; without a port on the first free one of 1238 to 1337. */
  readonly arklet?: { readonly port?: number };
  /** Keeps a thread ready for the first module with `isolation: worker`; from then on one is kept anyway. */
  readonly spareThread?: boolean;
  /** Two threads that name and interrupt a module that blocks the loop; default: true. */
  readonly watchdog?: boolean;
  /** The process is ended when its loop has stood still for so long and nothing helps; null: never. Default: 30. */
  readonly stuckSeconds?: number | null;
}

/** A Node.js application that hosts modules. */
export interface Base {
  /** Answers a request if a module has published its path; false: it is the base's to answer. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Takes a connection of which the server tells by `upgrade`, if a module does so below its path; false: it is the base's to take or to end. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** A reference to a service of a module, re-bound when that is replaced. */
  service<Type extends object = Service>(
    name: string,
    need?: { version?: string; tags?: Record<string, string> },
  ): Type;
  /** Runs the snippet behind this interface; undefined where nobody has published one. */
  snippet(name: string, input: unknown): unknown;
  emit(event: string, payload: unknown): Promise<void>;
  /** Runs a process for the business that the attributes choose. */
  run(process: string, run: ProcessRun): Promise<ProcessResult>;
  /** An operation of the protocol, as the agent would ask for it. */
  perform<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    origin?: ModuleOrigin,
  ): Promise<BaseResult<Operation>>;
  report(): BaseReport;
  /** Where tools of the SOFAArk family reach it; null: nowhere. */
  readonly arkletPort: number | null;
  /** Sees all modules off and closes what the base has opened. */
  close(): Promise<void>;
}

const BLAME_MS = 5000;

/** Turns this process into a base. */
export async function createBase(options: BaseOptions): Promise<Base> {
  const base = new RunningBase(options);
  await base.open();
  return base;
}

class RunningBase implements Base {
  readonly #options: BaseOptions;
  readonly #board = new Board();
  readonly #services = new ServiceRegistry(this.#board);
  readonly #jobs = new Jobs(this.#board);
  readonly #startedAt = new Date().toISOString();
  readonly #listeners = new Set<() => void>();
  readonly #self = { name: undefined };
  readonly #consequences = {
    eject: (instance: ModuleInstance, error: PlatformError): void => this.#host.eject(instance, error),
    altered: (): void => this.#altered(),
  };
  readonly #host: ModuleHost;
  readonly #limits: Limits;
  readonly #engine: ProcessEngine;
  readonly #spare = new SpareThread();
  /** Modules whose installation waits for the watchdog's word. */
  readonly #blamed = new Map<string, (reason: unknown) => void>();
  #watchdog: Watchdog | null = null;
  #stopFaults: (() => void) | null = null;
  #stopTracking: (() => void) | null = null;
  #control: ControlServer | null = null;
  #arklet: ArkletServer | null = null;

  constructor(options: BaseOptions) {
    this.#options = options;
    const libraries = options.libraries ?? {};
    this.#host = new ModuleHost({
      board: this.#board,
      services: this.#services,
      libraryVersions: this.#libraryVersions(),
      load: (bundle, instance) => {
        const ground = { libraries, ...this.#groundOf(instance) };
        if (instance.manifest.isolation === "inline")
          return new InlineRuntime(bundle, { ...ground, ...instance.ears() });
        const thread = (limitMb: number): Worker => this.#spare.take(limitMb);
        const loaded = WorkerRuntime.load(bundle, { ...ground, ...threadEvents(instance, this.#consequences), thread });
        return loaded.finally(() => this.#spare.fill());
      },
      reasonOf: (instance, error) => this.#reasonOf(instance, error),
      proveMemory: ({ key }, trace) => proveFreed(trace, traceName(key)),
      altered: () => this.#altered(),
    });
    this.#limits = new Limits(this.#host);
    this.#engine = new ProcessEngine(this.#board, options.processes ?? {});
  }

  async open(): Promise<void> {
    watchLanguage();
    knowGlobals();
    this.#stopTracking = startTracking();
    // Nobody waits for it, and a folder that stays does no harm.
    void clearScratchFolders().catch(() => undefined);
    this.#board.exchange(new Set(), this.#ownServices());
    this.#limits.open();
    if (this.#options.spareThread) this.#spare.fill();
    this.#stopFaults = watchFaults((module, error) =>
      this.#host.instances.find(({ key }) => key === module)?.fault(error),
    );
    const { watchdog = true, stuckSeconds = 30 } = this.#options;
    if (watchdog) await this.#openWatchdog(stuckSeconds);
    if (this.#options.arklet) this.#arklet = await openArklet(this, this.#options.arklet.port);
    const path = this.#options.socketPath ?? process.env[BASE_SOCKET_VARIABLE];
    if (path === undefined) return;
    this.#control = await openControl(
      {
        perform: (operation, input) => this.perform(operation, input),
        report: () => this.report(),
        onAlter: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      path,
    );
  }

  async #openWatchdog(stuckSeconds: number | null): Promise<void> {
    this.#watchdog = new Watchdog({
      stuckSeconds,
      suspect: (suspicion) => this.#suspect(suspicion),
      // Ctrl-C of a person: with nobody listening it would have ended the process.
      interrupted: () => void process.kill(process.pid, "SIGTERM"),
    });
    await this.#watchdog.open();
    this.#followPolicies();
  }

  get arkletPort(): number | null {
    return this.#arklet?.port ?? null;
  }

  handle(request: IncomingMessage, response: ServerResponse): boolean {
    return serveRequest(this.#board, request, response);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return serveUpgrade(this.#board, { request, socket, head });
  }

  service<Type extends object>(name: string, need: { version?: string; tags?: Record<string, string> } = {}): Type {
    const { version = "*", tags = {} } = need;
    return this.#services.refer(this.#self, name, { version, tags, optional: true }) as Type;
  }

  snippet(name: string, input: unknown): unknown {
    const candidates = this.#board.candidates<(input: unknown) => unknown>("snippet", name);
    const nothing = (): undefined => undefined;
    const question = { caller: undefined, header: nothing, query: nothing, segment: nothing };
    const body = (path: string): unknown => valueAt(input, path);
    const rules = this.#board.rulesOf("snippet", name);
    return pick({ rules, candidates, question: { ...question, body }, chance: Math.random })?.value(input);
  }

  emit(event: string, payload: unknown): Promise<void> {
    return emitEvent(this.#board, event, payload);
  }

  run(process: string, run: ProcessRun): Promise<ProcessResult> {
    return this.#engine.run(process, run);
  }

  async perform<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    origin: ModuleOrigin = "order",
  ): Promise<BaseResult<Operation>> {
    const verbs: { [Each in BaseOperation]: (input: BaseInput<Each>) => unknown } = {
      install: (asked) => this.#host.install(asked, origin),
      activate: (asked) => this.#host.activate(asked),
      deactivate: (asked) => this.#host.deactivate(asked),
      uninstall: (asked) => this.#host.uninstall(asked),
      publish: (asked) => this.#host.publish(asked),
      unpublish: (asked) => this.#host.unpublish(asked),
      clear: (asked) => this.#host.clear(asked),
      split: ({ rules }) => {
        this.#board.split(rules);
        this.#altered();
        return { rules };
      },
      businesses: ({ businesses }) => {
        this.#engine.businesses = businesses;
        this.#altered();
        return { businesses };
      },
      list: () => this.report(),
      health: () => this.#health(),
      statistics: () => this.#limits.statistics(),
      log: ({ name, version, lines }) => ({ lines: this.#host.find(name, version).log.last(lines) }),
    };
    const verb = verbs[operation] as (input: BaseInput<Operation>) => unknown;
    return (await verb(input)) as BaseResult<Operation>;
  }

  report(): BaseReport {
    return {
      protocol: BASE_PROTOCOL,
      description: this.#describe(),
      pid: process.pid,
      startedAt: this.#startedAt,
      state: "serving",
      problem: null,
      modules: this.#host.instances.map((instance) => instance.report()),
      rules: [...this.#board.rules],
      businesses: [...this.#engine.businesses],
    };
  }

  async close(): Promise<void> {
    await this.#host.close();
    this.#jobs.close();
    this.#limits.close();
    await this.#watchdog?.close();
    await this.#spare.close();
    this.#stopFaults?.();
    await this.#control?.close();
    await this.#arklet?.close();
    this.#stopTracking?.();
  }

  #describe(): BaseDescription {
    const { name, version, services = {}, snippets = [] } = this.#options;
    return {
      ...{ name, version },
      ...thisEngine(),
      libraries: this.#libraryVersions(),
      services: Object.entries(services).map(([each, { version: its }]) => ({ name: each, version: its })),
      snippets: [...snippets],
    };
  }

  #libraryVersions(): Record<string, string> {
    const libraries = Object.entries(this.#options.libraries ?? {});
    return Object.fromEntries(libraries.map(([name, { version }]) => [name, version]));
  }

  #ownServices(): Published[] {
    return Object.entries(this.#options.services ?? {}).map(([name, { version, service }]) => ({
      ...{ kind: "service" as const, name, version, module: BASE_MODULE, tags: {}, order: 0 },
      value: { impl: service, visits: new Visits() },
    }));
  }

  #groundOf(instance: ModuleInstance) {
    return {
      service: (name: string) => this.#services.refer(instance, name, instance.needOf(name)),
      emit: (event: string, payload: unknown) => this.emit(event, payload),
    };
  }

  #health(): BaseHealth {
    const { state, problem } = this.report();
    const modules = this.#host.instances.map(({ name, manifest, state: its, health }) => {
      return { name, version: manifest.version, state: its, health };
    });
    return { state, problem, modules };
  }

  /** One that was interrupted while it was brought to life: the watchdog, which saw where it stood, says so as soon as the loop runs again. */
  async #reasonOf({ key }: ModuleInstance, error: unknown): Promise<unknown> {
    if (!(error instanceof PlatformError) || !wasInterrupted(error.cause)) return error;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#blamed.set(key, resolve);
    const late = setTimeout(() => resolve(error), BLAME_MS);
    return await promise.finally(() => {
      clearTimeout(late);
      this.#blamed.delete(key);
    });
  }

  /** Something has held the loop, or holds it still. */
  #suspect({ module, frame, blockedMs, over, onStack, end }: Suspicion): void {
    if (end !== "by itself") this.#putRight();
    const instance = this.#host.instances.find(({ key }) => key === module);
    if (!over || instance === undefined) return;
    const { most, action } = instance.manifest.limits.blockMs;
    instance.measures.blockMs = Math.max(instance.measures.blockMs, Math.round(blockedMs));
    if (blockedMs < most) return;
    const error = new PlatformError("MODULE_BLOCKED", { module, frame, blockedMs: Math.round(blockedMs) });
    instance.log.add("stderr", error.message);
    if (end === "torn off") this.#host.failInHand(onStack, error);
    const blamed = this.#blamed.get(instance.key);
    if (blamed !== undefined) blamed(error);
    else if (action === "eject") this.#host.eject(instance, error);
    else {
      instance.throttled ||= action === "throttle";
      instance.judge(false, problemOf(error.code, error.facts));
    }
    this.#altered();
  }

  // It is told in a turn of the loop of its own: nobody is on the stack.
  #putRight(): void {
    unwound();
    for (const instance of this.#host.instances) {
      instance.visits.unwound();
      instance.interrupted = false;
    }
  }

  #followPolicies(): void {
    const inline = this.#host.instances.filter(({ manifest }) => manifest.isolation === "inline");
    const rows = inline.map(({ key, serial, manifest: { limits } }) => {
      const { most, action } = limits.blockMs;
      return [key, { serial, most, interrupt: action === "eject" || action === "throttle" }] as const;
    });
    this.#watchdog?.follow(Object.fromEntries(rows));
  }

  #altered(): void {
    this.#followPolicies();
    for (const listener of this.#listeners) listener();
  }
}
