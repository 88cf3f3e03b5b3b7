// What inline modules use is told apart by samples: each sample of V8 belongs to the module whose file is nearest to the top of its stack.
import { type HeapProfiler, type Profiler, Session } from "node:inspector";

const CPU_INTERVAL_MICROSECONDS = 5000;
const HEAP_INTERVAL_BYTES = 64 * 1024;

const moduleOf = (url: string): string | undefined => /^module:([^/]+)\//.exec(url)?.[1];

/** Samples of processor time and live objects by module, taken only while somebody has a limit on them. */
export class Profile {
  readonly #session = new Session();
  #cpu = false;
  #heap = false;

  open(): void {
    this.#session.connect();
  }

  /** Begins or ends what is asked for. */
  want({ cpu, heap }: { readonly cpu: boolean; readonly heap: boolean }): void {
    if (cpu !== this.#cpu) {
      if (cpu) {
        this.#session.post("Profiler.enable");
        this.#session.post("Profiler.setSamplingInterval", { interval: CPU_INTERVAL_MICROSECONDS });
      }
      this.#session.post(cpu ? "Profiler.start" : "Profiler.stop");
      this.#cpu = cpu;
    }
    if (heap === this.#heap) return;
    if (heap) this.#session.post("HeapProfiler.startSampling", { samplingInterval: HEAP_INTERVAL_BYTES });
    else this.#session.post("HeapProfiler.stopSampling");
    this.#heap = heap;
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

  /** Live bytes of each module; null where it is not sampled. */
  heapBytes(): ReadonlyMap<string, number> | null {
    if (!this.#heap) return null;
    const bytes = new Map<string, number>();
    this.#session.post("HeapProfiler.getSamplingProfile", (error, result) => {
      if (error === null) addHeap(result.profile.head, undefined, bytes);
    });
    return bytes;
  }

  close(): void {
    this.want({ cpu: false, heap: false });
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

function addHeap(
  node: HeapProfiler.SamplingHeapProfileNode,
  above: string | undefined,
  bytes: Map<string, number>,
): void {
  const module = moduleOf(node.callFrame.url) ?? above;
  if (module !== undefined) bytes.set(module, (bytes.get(module) ?? 0) + node.selfSize);
  for (const child of node.children) addHeap(child, module, bytes);
}
