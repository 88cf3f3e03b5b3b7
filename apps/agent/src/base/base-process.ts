// The base in one process: found by its socket, watched for as long as the process lives, given back what its slot shall hold.
//
// 1. The socket was removed before the process began, so whoever listens there is this process.
// 2. Nothing is asked of a base before it holds again what it shall hold.
// 3. A process that was started here counts as healthy only then; what cannot be brought back is named and keeps it from being released.
import { setTimeout as sleep } from "node:timers/promises";
import type { Letter, SlotBase } from "@evenkeel/contracts/agent-protocol";
import type { BaseInput, BaseOperation, BaseReport, BaseResult } from "@evenkeel/contracts/base-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { ObjectStore } from "../object-store.ts";
import { BaseRefusal } from "./base-client.ts";
import type { BaseLine } from "./base-line.ts";
import { bringBack } from "./bring-back.ts";
import type { WantedModule, WantedModules } from "./wanted-modules.ts";

const RETRY_MS = 50;
const RETRY_MAX_MS = 2000;
const RESTORE_MS = 10 * 60_000;
/** For a look at what a failed order has left. */
const LOOK_MS = 3000;

export interface BaseProcessOptions {
  readonly slot: ServiceId;
  readonly letter: Letter;
  readonly pid: number;
  readonly line: BaseLine;
  /** Started by this agent; an adopted one holds what it holds. */
  readonly fresh: boolean;
  readonly wanted: WantedModules;
  readonly objects: ObjectStore;
  isAlive(): boolean;
  onAltered(): void;
  warn(text: string): void;
}

export class BaseProcess {
  readonly options: BaseProcessOptions;
  report: BaseReport | null = null;
  readonly #left = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();
  #isSettled = false;
  /** Why something could not be brought back. */
  #missing: string | null = null;

  constructor(options: BaseProcessOptions) {
    this.options = options;
    this.#settled.promise.catch(() => undefined);
  }

  get isLeft(): boolean {
    return this.#left.signal.aborted;
  }

  show(): SlotBase {
    const { slot, letter } = this.options;
    return { slot, letter, report: this.report };
  }

  /** Why the process does not count as healthy yet; null: nothing is in its way. */
  heldBack(): string | null {
    const { fresh, slot, wanted } = this.options;
    if (!fresh || wanted.of(slot).modules.length === 0) return null;
    if (this.#missing !== null) return this.#missing;
    if (this.#isSettled) return null;
    return this.report === null ? "it does not answer as a base" : "its modules are being brought back";
  }

  /** Until the process ends or is left. */
  async follow(): Promise<void> {
    const { line, isAlive } = this.options;
    const { signal } = this.#left;
    for (let pauseMs = RETRY_MS; isAlive() && !signal.aborted; ) {
      await line.opened(signal);
      if (signal.aborted) break;
      await line.watch((report) => this.#hear(report), signal).catch(() => undefined);
      pauseMs = this.report === null ? Math.min(2 * pauseMs, RETRY_MAX_MS) : RETRY_MS;
      this.#told(null);
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.leave();
  }

  leave(): void {
    this.#left.abort();
    this.#settled.reject(absent(this.options.slot));
    if (this.report !== null) this.#told(null);
    for (const listener of this.#listeners) listener();
  }

  /** Until it holds what it shall hold; throws once its process has gone. */
  async settled(): Promise<void> {
    await this.#settled.promise;
  }

  /** Asks the base, once it holds what it shall hold. */
  async ask<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    signal: AbortSignal,
  ): Promise<BaseResult<Operation>> {
    await this.settled();
    try {
      return await this.#ask(operation, input, signal);
    } catch (error) {
      // It may have done it all the same: whoever hears of the failure, and goes back, has heard what stands there.
      await this.refresh(AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)])).catch(() => undefined);
      throw error;
    }
  }

  /** Looks at the whole of it, so that whoever hears of an outcome has heard of what it altered. */
  async refresh(signal: AbortSignal): Promise<BaseReport> {
    const report = await this.#ask("list", {}, signal);
    this.#told(report);
    return report;
  }

  /** Until the base says so, the process ends, or the time is up. */
  async until(isSo: (report: BaseReport) => boolean, signal: AbortSignal): Promise<void> {
    while (this.report !== null && !isSo(this.report) && !signal.aborted && !this.#left.signal.aborted)
      await this.#news(signal);
  }

  /** Until it tells of itself for the first time, is left, or the time is up. */
  async heard(signal: AbortSignal): Promise<void> {
    while (this.report === null && !signal.aborted && !this.#left.signal.aborted) await this.#news(signal);
  }

  async #news(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listeners.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#listeners.delete(resolve);
  }

  async #ask<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    signal: AbortSignal,
  ): Promise<BaseResult<Operation>> {
    const { line } = this.options;
    const either = AbortSignal.any([signal, this.#left.signal]);
    return await line.ask(operation, input, either).catch((error: unknown) => {
      if (error instanceof BaseRefusal) throw error;
      throw new PlatformError("BASE_UNREACHABLE", { problem: whyUnreached(error) }, { cause: error });
    });
  }

  #hear(report: BaseReport): void {
    const first = this.report === null;
    this.#told(report);
    if (first && !this.#isSettled) void this.#bringBack(report);
  }

  #told(report: BaseReport | null): void {
    if (report === null && this.report === null) return;
    this.report = report;
    for (const listener of this.#listeners) listener();
    this.options.onAltered();
  }

  async #bringBack({ modules, startedAt }: BaseReport): Promise<void> {
    const { slot, wanted, warn } = this.options;
    const signal = AbortSignal.any([this.#left.signal, AbortSignal.timeout(RESTORE_MS)]);
    const { rules, businesses } = wanted.of(slot);
    const id = (what: string): string => `restore ${startedAt} ${what}`;
    const lost = await bringBack({
      wanted: wanted.of(slot),
      there: modules,
      install: (module, { attempt, unmet }) => {
        const operationId = id(`${module.name}@${module.version}${attempt === 1 ? "" : ` ${attempt}`}`);
        return this.#install(module, { operationId, unmet, signal });
      },
      publishAgain: ({ name, version, published }) => {
        const tags = published?.tags ?? {};
        return this.#ask("publish", { operationId: id(`${name}@${version} again`), name, version, tags }, signal);
      },
      split: () => this.#ask("split", { operationId: id("rules"), rules }, signal),
      businesses: () => this.#ask("businesses", { operationId: id("businesses"), businesses }, signal),
    });
    for (const { what, problem } of lost) warn(`${what} is not brought back: ${problem.title}`);
    const named = lost.map(({ what, problem }) => `${what}: ${problem.title}`).join("; ");
    this.#missing = lost.length === 0 ? null : `modules that it shall hold could not be brought back: ${named}`;
    // Whoever hears that it is healthy has heard what it holds.
    await this.refresh(signal).catch(() => undefined);
    this.#isSettled = true;
    this.#settled.resolve();
  }

  async #install(module: WantedModule, { operationId, unmet, signal }: HowToInstall): Promise<void> {
    const { objects } = this.options;
    const { object, active, published } = module;
    await objects.fetch(object, signal);
    const bundle = { path: objects.pathOf(object.digest), digest: object.digest };
    const asked = { operationId, bundle, activate: active, replace: false, publish: published };
    await this.#ask("install", { ...asked, ...(unmet && { unmet }) }, signal);
  }
}

interface HowToInstall {
  readonly operationId: string;
  readonly unmet: boolean;
  readonly signal: AbortSignal;
}

function whyUnreached(thrown: unknown): string {
  // Of HTTP the reason stands behind "fetch failed".
  const error = thrown instanceof TypeError && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (error instanceof Error && "code" in error && error.code === "ECONNRESET")
    return "its process ended before it answered";
  return error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
}

const absent = (slot: ServiceId): PlatformError => new PlatformError("BASE_ABSENT", { slot });
