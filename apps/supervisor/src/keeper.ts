import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@evenkeel/kit/log";
import { endIdentity, isAlive, killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";
import type { Manifest } from "./manifest.ts";
import type { Death, News } from "./news.ts";
import { findPart, logFileOf, type PartName, type PartPlace, type PartSpec, startPart, versionOf } from "./part.ts";

// 1. A part runs once: before its first start the manifest is asked, then the environment of every process.
// 2. A start is recorded after the spawn; between the two the mark in the environment tells of it.
// 3. A part that dies is started again, at once after a life of `resetMs`, else after a pause that doubles.
// 4. A part that was asked to stop is not started again.
// 5. The end of a child of ours is told by its exit event alone, which knows how; of an adopted part by looking.
// 6. Released, the keeper touches nothing any more, and all parts run on.

/** How soon a part that died is started again. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
  /** A life as long as this makes the next start immediate. */
  readonly resetMs: number;
}

const BACK_OFF: BackOff = { firstMs: 100, longestMs: 10_000, resetMs: 10_000 };
const LOOK_MS = 100;
/** A part that has lived so long counts as back. */
const BACK_AFTER_MS = 1000;

/** What a keeper works on. */
export interface KeeperDeps {
  readonly place: PartPlace;
  readonly manifest: Manifest;
  readonly log: Log;
  readonly news?: News;
  readonly backOff?: BackOff;
}

interface Kept {
  readonly spec: PartSpec;
  phase: "running" | "down" | "stopping";
  identity: ProcessIdentity | null;
  startedAtMs: number;
  failures: number;
  /** We started it ourselves: its end comes as an event. */
  child: boolean;
  /** It died and has not yet lived long enough to count as back. */
  missed: boolean;
  /** A start under way: who stops the part waits for it, to end what comes of it. */
  starting: Promise<void>;
}

/** Keeps the parts of one installation alive. */
export class Keeper {
  readonly #deps: KeeperDeps;
  readonly #backOff: BackOff;
  readonly #kept = new Map<string, Kept>();
  readonly #timer: NodeJS.Timeout;
  #released = false;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#backOff = deps.backOff ?? BACK_OFF;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Adopts the part when it lives, else starts it; from then on it is kept alive. */
  async keep(spec: PartSpec): Promise<"adopted" | "started"> {
    const living = await this.findLiving(spec);
    const kept: Kept = {
      spec,
      phase: "down",
      identity: null,
      startedAtMs: 0,
      failures: 0,
      child: false,
      missed: false,
      starting: Promise.resolve(),
    };
    this.#kept.set(spec.name, kept);
    if (living === null) {
      await this.#start(kept);
      return "started";
    }
    await this.#deps.manifest.record(spec.name, living, versionOf(living));
    // It has lived before us: should it die now, that is no crash loop.
    Object.assign(kept, { phase: "running", identity: living, startedAtMs: -Infinity });
    this.#deps.log.info({ name: spec.name, pid: living.pid }, "adopted");
    return "adopted";
  }

  /** The living process of this part; should there be more than one, the others are ended. */
  async findLiving(spec: PartName): Promise<ProcessIdentity | null> {
    const recorded = this.#deps.manifest.part(spec.name)?.identity;
    const found = findPart(spec, this.#deps.place);
    const first = recorded !== undefined && isAlive(recorded) ? recorded : found[0];
    for (const other of found) if (other.pid !== first?.pid) await endIdentity(other, "SIGTERM", spec.stop.ms);
    return first ?? null;
  }

  /** The identity of the part while it runs. */
  identityOf(name: string): ProcessIdentity | null {
    return this.#kept.get(name)?.identity ?? null;
  }

  /** How often in a row the part died young. */
  failuresOf(name: string): number {
    return this.#kept.get(name)?.failures ?? 0;
  }

  /** Ends the part and stops keeping it; `signal` instead of the one of its spec. */
  async stop(name: string, { hurry, signal }: { hurry?: AbortSignal; signal?: NodeJS.Signals } = {}): Promise<void> {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    kept.phase = "stopping";
    await kept.starting.catch(() => undefined);
    const { spec, identity } = kept;
    if (identity !== null) {
      const kill = (): void => void killIdentity(identity, "SIGKILL");
      hurry?.addEventListener("abort", kill, { once: true });
      if (hurry?.aborted) kill();
      await endIdentity(identity, signal ?? spec.stop.signal, spec.stop.ms);
      hurry?.removeEventListener("abort", kill);
    }
    this.#kept.delete(name);
    // killed here: the manifest names a process that has gone, which is the same as not naming it
    await this.#deps.manifest.forget(name);
    this.#deps.log.info({ name }, "stopped");
  }

  /** Ends what the manifest names beyond these parts: left from a start that wanted more of them. */
  async endOthers(names: readonly string[]): Promise<void> {
    for (const name of this.#deps.manifest.names().filter((each) => !names.includes(each))) {
      const identity = this.#deps.manifest.part(name)?.identity;
      if (identity !== undefined) await endIdentity(identity, "SIGTERM", 10_000);
      await this.#deps.manifest.forget(name);
    }
  }

  /** Leaves all parts running. */
  release(): void {
    this.#released = true;
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#released) return;
    for (const kept of this.#kept.values()) {
      if (kept.phase !== "running" || kept.identity === null || kept.child) continue;
      if (!isAlive(kept.identity)) this.#died(kept, null);
    }
    this.#tellWhoIsBack();
  }

  #tellWhoIsBack(): void {
    for (const kept of this.#kept.values()) {
      if (!kept.missed || kept.phase !== "running" || performance.now() - kept.startedAtMs < BACK_AFTER_MS) continue;
      kept.missed = false;
      this.#deps.news?.back(kept.spec.name);
    }
  }

  #died(kept: Kept, ended: Death["ended"]): void {
    const livedMs = performance.now() - kept.startedAtMs;
    kept.phase = "down";
    kept.identity = null;
    kept.missed = true;
    kept.failures = livedMs >= this.#backOff.resetMs ? 0 : kept.failures + 1;
    const waitMs = kept.failures === 0 ? 0 : this.#pauseMs(kept.failures);
    this.#deps.log.warn(
      { name: kept.spec.name, livedMs: Math.round(livedMs), waitMs, failures: kept.failures },
      "died",
    );
    const { name } = kept.spec;
    const log = logFileOf(this.#deps.place, name);
    this.#deps.news?.died({ name, ended, failures: kept.failures, waitMs, log });
    void this.#restart(kept, waitMs);
  }

  #pauseMs(failures: number): number {
    return Math.min(this.#backOff.firstMs * 2 ** (failures - 1), this.#backOff.longestMs);
  }

  async #restart(kept: Kept, waitMs: number): Promise<void> {
    if (waitMs > 0) await sleep(waitMs);
    if (kept.phase !== "down" || this.#released) return;
    try {
      await this.#start(kept);
    } catch (error) {
      kept.failures += 1;
      const log = logFileOf(this.#deps.place, kept.spec.name);
      this.#deps.log.error({ err: error, name: kept.spec.name, log }, "not started");
      void this.#restart(kept, this.#pauseMs(kept.failures));
    }
  }

  async #start(kept: Kept): Promise<void> {
    kept.starting = this.#startOnce(kept);
    await kept.starting;
  }

  async #startOnce(kept: Kept): Promise<void> {
    const { place, manifest, log } = this.#deps;
    const { child, identity } = await startPart(kept.spec, place);
    // killed here: nobody has recorded the part; the next supervisor finds it by its mark
    await manifest.record(kept.spec.name, identity, place.version);
    log.info({ name: kept.spec.name, pid: identity.pid }, "started");
    Object.assign(kept, { identity, child: true, startedAtMs: performance.now() });
    if (kept.phase !== "stopping") kept.phase = "running";
    const over = (code: number | null, signal: NodeJS.Signals | null): void => {
      log.info({ name: kept.spec.name, pid: identity.pid, code, signal }, "ended");
      if (kept.phase === "running" && kept.identity === identity && !this.#released) this.#died(kept, { code, signal });
    };
    // It may have ended while its record was written.
    if (child.exitCode !== null || child.signalCode !== null) over(child.exitCode, child.signalCode);
    else child.once("exit", over);
  }
}
