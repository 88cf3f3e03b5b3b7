import type { EventEmitter } from "node:events";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import { PlatformError } from "@evenkeel/contracts/platform-error";
import type { Bundle } from "../bundle/format.ts";
import type { Closing, Connection } from "../lifecycle/connection.ts";
import { offerOf } from "../lifecycle/offer.ts";
import type { Disposal, Offer, Runtime } from "../lifecycle/runtime.ts";
import { guarded, timesUnwound, wasInterrupted } from "../limit/guard.ts";
import type { ModuleContext, ModuleExports } from "../module-api.ts";
import { closeAll } from "../owner/close.ts";
import { attributeGlobals, globalView } from "../owner/globals.ts";
import { hookedView } from "../owner/hooks.ts";
import { lend } from "../owner/listeners.ts";
import { fetchAsBase, Owner, runAs } from "../owner/owner.ts";
import { attributePatches } from "../owner/patches.ts";
import { processView } from "../owner/process-view.ts";
import { timersFor } from "../owner/timers.ts";
import { compile, fileNameOf } from "./compile.ts";
import type { ModuleLog } from "./module-log.ts";
import { moduleRequire, requireBuiltin, type SharedLibraries } from "./require.ts";

/** What an inline module is given by its base. */
export interface InlineGround {
  /** Number of this version among all that this process has known. */
  readonly serial: number;
  readonly libraries: SharedLibraries;
  readonly log: ModuleLog;
  readonly service: (name: string) => object;
  readonly emit: ModuleContext["emit"];
  /** It threw where nobody can catch it. */
  readonly fault: (error: unknown) => void;
  /** It has run for so long, in ms. */
  readonly busy: (ms: number) => void;
  /** It was interrupted. */
  readonly interrupted: () => void;
}

interface Hook {
  readonly run: () => unknown;
  readonly order: number;
}

/** A module in the isolate of the base. */
export class InlineRuntime implements Runtime {
  readonly cache: Runtime["cache"];
  readonly loadMs: number;
  readonly trace: WeakRef<object>;
  readonly #owner: Owner;
  readonly #manifest: ModuleManifest;
  readonly #ground: InlineGround;
  readonly #hooks: Hook[] = [];
  readonly #leaving = new AbortController();
  #exports: ModuleExports | null;
  /** Since how many unwindings its code has been on the stack; null: it is not. */
  #insideSince: number | null = null;

  /** Loads the code: throws what it throws, with nothing of it left. */
  constructor(bundle: Bundle, ground: InlineGround) {
    const { manifest } = bundle.facts;
    this.#manifest = manifest;
    this.#ground = ground;
    this.#owner = new Owner(`${manifest.name}@${manifest.version}`);
    const beganAt = performance.now();
    try {
      const loaded = this.#load(bundle);
      this.cache = loaded.cache;
      this.trace = loaded.trace;
      this.#exports = loaded.exports;
    } catch (error) {
      this.#attribute();
      closeAll(this.#owner);
      throw error;
    }
    this.loadMs = performance.now() - beganAt;
  }

  #load(bundle: Bundle) {
    const owner = this.#owner;
    const { console } = this.#ground.log;
    const { run, cache } = compile(bundle);
    const module = traced(owner.name);
    const process = processView(owner, (work) => this.#fromTimer(work));
    const timers = timersFor((work) => this.#fromTimer(work));
    const { libraries } = this.#ground;
    const require = moduleRequire({
      ...{ manifest: this.#manifest, libraries, process, console, timers },
      hooked: (name) => hookedView(owner, name, requireBuiltin),
    });
    const view = globalView(owner, { process, console, fetch: fetchAsBase, ...timers });
    const file = fileNameOf(this.#manifest.name, this.#manifest.version);
    const place = { exports: module.exports, require, module, __filename: file, __dirname: "." };
    const own = { process, console, fetch: fetchAsBase, ...timers, globalThis: view, global: view };
    this.enter(() => run({ ...place, ...own }));
    if (bundle.facts.buildId !== undefined && module.build !== bundle.facts.buildId)
      throw new PlatformError("BUNDLE_INVALID", {
        problem: "the code that ran is of another build: its byte cache is not its own",
      });
    return { cache, exports: asExports(module.exports), trace: new WeakRef<object>(module) };
  }

  async activate(): Promise<Offer> {
    // What its load has left is found here too: hardly anybody's code has run since, and each look at all that could have changed takes its time.
    const answer = this.enter(() => this.#exports?.activate?.(this.#context()));
    this.#attribute();
    return offerOf(this.#manifest, (await answer) ?? {});
  }

  enter<Result>(work: () => Result): Result {
    return runAs(this.#owner, () => this.#metered(work));
  }

  lend(emitter: EventEmitter, failed: (error: unknown) => void): void {
    lend(emitter, { enter: (work) => this.enter(work), failed });
  }

  /** Runs a stretch of the module's code; only the outermost is counted. */
  #metered<Result>(work: () => Result): Result {
    const { serial } = this.#ground;
    if (this.#insideSince === timesUnwound()) return guarded(serial, work);
    this.#insideSince = timesUnwound();
    const before = this.#clock();
    try {
      return guarded(serial, work);
    } catch (error) {
      if (wasInterrupted(error)) this.#ground.interrupted();
      throw error;
    } finally {
      this.#insideSince = null;
      this.#ground.busy(this.#clock() - before);
    }
  }

  // A module is held to what it has used, not to what others made it wait; asking for that costs a microsecond, so only then.
  #clock(): number {
    if (this.#manifest.limits.cpuPercent === undefined) return performance.now();
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  }

  // Node has entered the context of the owner already.
  // The same for what it has put off to the next tick.
  #fromTimer(work: () => unknown): unknown {
    try {
      return this.#metered(work);
    } catch (error) {
      this.#ground.fault(error);
      return undefined;
    }
  }

  hangUp(connections: Iterable<Connection>, closing: Closing): void {
    for (const connection of connections) connection.end(closing);
  }

  async shutdown(): Promise<void> {
    this.#leaving.abort();
    const hooks = this.#hooks.splice(0).sort((one, other) => other.order - one.order);
    const own = this.#exports?.deactivate;
    for (const { run } of own ? [...hooks, { run: own }] : hooks) await this.enter(run);
  }

  dispose(): Promise<Disposal> {
    this.#exports = null;
    this.#hooks.length = 0;
    return Promise.resolve(closeAll(this.#owner));
  }

  #attribute(): void {
    attributeGlobals(this.#owner);
    attributePatches(this.#owner);
  }

  #context(): ModuleContext {
    const { name, version, tags } = this.#manifest;
    const { log, service, emit } = this.#ground;
    return {
      name,
      version,
      tags,
      console: log.console,
      service: <Type extends object>(wanted: string) => service(wanted) as Type,
      emit,
      onShutdown: (run, order = 0) => void this.#hooks.push({ run, order }),
      signal: this.#leaving.signal,
    };
  }
}

interface TracedModule {
  exports: unknown;
  build?: unknown;
}

/** The `module` object of a module. By its tag it is found in a snapshot of the heap. */
function traced(name: string): TracedModule {
  return Object.assign(Object.create({ [Symbol.toStringTag]: traceName(name) }) as TracedModule, { exports: {} });
}

/** The name under which a module stands in a snapshot of the heap. */
export function traceName(module: string): string {
  return `Module_${module.replace(/[^A-Za-z0-9]/g, "_")}`;
}

// A snippet may export its function alone; bundlers put it below `default`.
function asExports(exported: unknown): ModuleExports {
  const inner =
    typeof exported === "object" && exported !== null && "default" in exported ? exported.default : exported;
  if (typeof inner === "function") return { activate: () => ({ snippet: inner as (input: unknown) => unknown }) };
  const found = hasActivate(exported) ? exported : inner;
  return typeof found === "object" && found !== null ? found : {};
}

const hasActivate = (exported: unknown): exported is ModuleExports =>
  typeof exported === "object" && exported !== null && "activate" in exported;
