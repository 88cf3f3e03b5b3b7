// A thread that takes more than its share of the processor steps behind all others long before it is judged by seconds: where processors are few, its
// neighbours would wait for it meanwhile. There it gets less than it asks for; it is judged by what it asks for.
import type { Worker } from "node:worker_threads";
import { runAsBase } from "../owner/owner.ts";
import { type Place, placeOf } from "./priority.ts";

const LOOK_MS = 200;

export class Share {
  readonly #worker: Worker;
  readonly #mostPercent: number;
  readonly #place: Place;
  readonly #timer: NodeJS.Timeout;
  #before: { readonly at: number; readonly ranMs: number; readonly waitedMs: number } | null = null;
  /** What it has asked for while it stands behind; 0: it does not. */
  askedPercent = 0;

  private constructor(worker: Worker, place: Place, mostPercent: number) {
    this.#worker = worker;
    this.#place = place;
    this.#mostPercent = mostPercent;
    // A thread that has ended has no share.
    this.#timer = runAsBase(() => setInterval(() => void this.#look().catch(() => undefined), LOOK_MS).unref());
  }

  /** Looks after the share of a thread, in percent of one processor; null: its place cannot be altered. */
  static of(worker: Worker, threadId: number | null, mostPercent: number): Share | null {
    const place = placeOf(threadId);
    return place === null ? null : new Share(worker, place, mostPercent);
  }

  async #look(): Promise<void> {
    const { user, system } = await this.#worker.cpuUsage();
    const before = this.#before;
    const now = { at: performance.now(), ranMs: (user + system) / 1000, waitedMs: this.#place.waitedMs() };
    this.#before = now;
    if (before === null) return;
    const isBehind = this.askedPercent > 0;
    const askedMs = now.ranMs - before.ranMs + (isBehind ? now.waitedMs - before.waitedMs : 0);
    const percent = (100 * askedMs) / (now.at - before.at);
    this.askedPercent = percent > this.#mostPercent ? percent : 0;
    if (this.askedPercent > 0 === isBehind) return;
    if (isBehind) this.#place.comeForward();
    else this.#place.stepBack();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
