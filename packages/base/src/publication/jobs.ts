import { runAsBase } from "../owner/owner.ts";
import type { Board, Published } from "./board.ts";

interface JobValue {
  readonly everySeconds: number;
  readonly run: () => unknown;
}

/** Runs the jobs of what is published: of each module the newest version's, one run of a job at a time. */
export class Jobs {
  readonly #board: Board;
  readonly #timers = new Map<string, { readonly value: unknown; readonly timer: NodeJS.Timeout }>();
  readonly #stop: () => void;

  constructor(board: Board) {
    this.#board = board;
    this.#stop = board.onChange(() => runAsBase(() => this.#follow()));
  }

  #follow(): void {
    const wanted = new Map<string, Published<JobValue>>();
    for (const job of this.#board.all("job") as readonly Published<JobValue>[]) {
      const key = `${job.module} ${job.name}`;
      if (!wanted.has(key)) wanted.set(key, job);
    }
    for (const [key, { value, timer }] of this.#timers) {
      if (wanted.get(key)?.value === value) continue;
      clearInterval(timer);
      this.#timers.delete(key);
    }
    for (const [key, { value }] of wanted) {
      if (!this.#timers.has(key)) this.#timers.set(key, { value, timer: every(value) });
    }
  }

  close(): void {
    this.#stop();
    for (const { timer } of this.#timers.values()) clearInterval(timer);
    this.#timers.clear();
  }
}

function every({ everySeconds, run }: JobValue): NodeJS.Timeout {
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    void Promise.resolve()
      .then(run)
      // Counted as a failure of the module where it was entered.
      .catch(() => undefined)
      .finally(() => {
        running = false;
      });
  }, everySeconds * 1000);
  return timer.unref();
}
