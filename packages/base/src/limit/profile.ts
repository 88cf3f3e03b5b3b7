// What inline modules use is told apart by samples: each sample of V8 belongs to the module whose file is nearest to the top of its stack.
import { type Profiler, Session } from "node:inspector";
import { moduleOf } from "../inline/compile.ts";
import { HeapSamples } from "./heap-samples.ts";

const CPU_INTERVAL_MICROSECONDS = 5000;

/** Samples of processor time and of live objects by module, taken only while somebody has a limit on them. */
export class Profile {
  readonly #session = new Session();
  readonly heap = new HeapSamples(this.#session);
  #cpu = false;

  open(): void {
    this.#session.connect();
  }

  /** Begins or ends to take samples of processor time. */
  wantCpu(cpu: boolean): void {
    if (cpu === this.#cpu) return;
    if (cpu) {
      this.#session.post("Profiler.enable");
      this.#session.post("Profiler.setSamplingInterval", { interval: CPU_INTERVAL_MICROSECONDS });
    }
    this.#session.post(cpu ? "Profiler.start" : "Profiler.stop");
    this.#cpu = cpu;
  }

  /** Processor time of each module since the last call, in ms; null where it is not sampled. */
  cpuMs(): ReadonlyMap<string, number> | null {
    if (!this.#cpu) return null;
    let times: ReadonlyMap<string, number> = new Map();
    this.#session.post("Profiler.stop", (error, result) => {
      if (error === null) times = cpuByModule(result.profile);
    });
    this.#session.post("Profiler.start");
    return times;
  }

  close(): void {
    this.wantCpu(false);
    this.heap.close();
    this.#session.disconnect();
  }
}

function cpuByModule({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Map<string, number> {
  const moduleOfNode = new Map<number, string | undefined>();
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const urls = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.url]));
  const owner = (id: number | undefined): string | undefined => {
    if (id === undefined) return undefined;
    if (!moduleOfNode.has(id)) moduleOfNode.set(id, moduleOf(urls.get(id) ?? "") ?? owner(parents.get(id)));
    return moduleOfNode.get(id);
  };
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const module = owner(id);
    if (module !== undefined) times.set(module, (times.get(module) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  }
  return times;
}
