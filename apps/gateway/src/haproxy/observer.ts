// What a running HAProxy tells of itself: counters of all its workers, and the log of the one that serves.
// Invariants:
// 1. Counters are asked for; a worker that finishes what it has is asked until it is gone, its last moment is lost.
// 2. The log is a sample, thinned where requests are many; nothing is counted by it.
import type { ErrorCode } from "@evenkeel/contracts/error";
import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import type { Trouble } from "../driver.ts";
import { type Counts, readCounts } from "./counters.ts";
import { instanceOf, readBackendName } from "./pool.ts";
import type { Program } from "./program.ts";
import { Latencies, type LoggedRequest, readRequest } from "./request-log.ts";
import type { Runtime } from "./runtime.ts";
import { Tally } from "./tally.ts";

const COUNTS = "show stat -1 6 -1";

export interface ObserverDeps {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly onTrouble: (trouble: Trouble) => void;
  /** The worker that serves has gone. */
  readonly onGone: () => void;
}

export class Observer {
  readonly #deps: ObserverDeps;
  readonly #tally = new Tally();
  readonly #latencies = new Latencies();
  #current = 0;
  #old: readonly number[] = [];
  #unfollow: (() => void) | null = null;

  constructor(deps: ObserverDeps) {
    this.#deps = deps;
  }

  /** Looks at the worker that serves from now on; `counted`: what it has counted before us is nobody's second. */
  async meet({ counted }: { counted: boolean }): Promise<void> {
    this.leave();
    const { current, old } = await this.#deps.program.workers();
    this.#current = current;
    this.#old = old;
    if (counted) for (const [pid, counts] of await this.counts()) this.#tally.begin(pid, counts);
    let left = false;
    const hangUp = this.#deps.runtime.follow(
      (line) => this.#onLine(line),
      () => {
        if (!left) this.#deps.onGone();
      },
    );
    this.#unfollow = () => {
      left = true;
      hangUp();
    };
  }

  /** Hangs up: a worker that makes way would wait for it. */
  leave(): void {
    this.#unfollow?.();
    this.#unfollow = null;
  }

  /** Pids of workers that finish what they have. */
  get old(): readonly number[] {
    return this.#old;
  }

  /** What each worker has counted, by its pid. */
  async counts(): Promise<Map<number, Counts[]>> {
    const { runtime } = this.#deps;
    const counts = new Map([[this.#current, readCounts(await runtime.ask(COUNTS))]]);
    for (const pid of this.#old) {
      const answer = await runtime.askOld(pid, COUNTS).catch(() => "");
      const told = readCounts(answer);
      if (told.length > 0) counts.set(pid, told);
      else this.#old = this.#old.filter((each) => each !== pid);
    }
    return counts;
  }

  /** What happened since the last call. */
  async take(versionOf: (server: string) => string): Promise<InstanceStatistics[]> {
    const workers = await this.counts();
    const latencies = this.#latencies.take();
    return this.#tally.take(workers, { latencies, versionOf });
  }

  #onLine(line: string): void {
    const request = readRequest(line);
    if (request === null) return;
    const { backend, server, status, latencyMs } = request;
    const trouble = troubleOf(request);
    if (trouble !== null) this.#deps.onTrouble(trouble);
    else if (status >= 200 && !request.ending.startsWith("C")) this.#latencies.add(`${backend}/${server}`, latencyMs);
  }
}

// Who ended it (C client, S instance, s its time, P ourselves) and when (C connecting, H before an answer, D in it).
const TROUBLES: readonly (readonly [RegExp, ErrorCode | "CUT"])[] = [
  [/^sH/, "INSTANCE_SLOW"],
  [/^[Ss]D/, "CUT"],
  [/^[Ss]/, "INSTANCE_FAILED"],
];

function troubleOf({ backend, server, status, ending, requestId }: LoggedRequest): Trouble | null {
  const service = readBackendName(backend)?.serviceId;
  if (service === undefined) return null;
  const none = ending === "PR" && status === 503;
  const code = none ? "INSTANCE_NONE" : TROUBLES.find(([pattern]) => pattern.test(ending))?.[1];
  if (code === undefined) return null;
  return { code, facts: { service, instance: instanceOf(service, server), ending }, requestId };
}
