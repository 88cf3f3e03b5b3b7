import { Session } from "node:inspector/promises";

/** A larger heap takes seconds to look through, and as much memory again. */
const MOST_HEAP_BYTES = 400 * 1024 ** 2;
const MOST_LINKS = 12;

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

/** The shortest path from a root of the heap to an object of this class: what holds it, nearest last. */
export async function pathTo(className: string): Promise<string[]> {
  const { heapUsed } = process.memoryUsage();
  if (heapUsed > MOST_HEAP_BYTES) return [`not looked for: the heap has ${Math.round(heapUsed / 1024 ** 2)} MB`];
  const graph = new HeapGraph(JSON.parse(await takeSnapshot()) as Snapshot);
  return graph.pathTo(className);
}

async function takeSnapshot(): Promise<string> {
  const session = new Session();
  session.connect();
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ params }) => void chunks.push(params.chunk));
  try {
    await session.post("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  } finally {
    session.disconnect();
  }
  return chunks.join("");
}

class HeapGraph {
  readonly #snapshot: Snapshot;
  readonly #nodeSize: number;
  readonly #edgeSize: number;
  /** Index into `edges` of the first edge of each node, and one past the last. */
  readonly #firstEdge: Uint32Array;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    const { node_fields: nodeFields, edge_fields: edgeFields } = snapshot.snapshot.meta;
    this.#nodeSize = nodeFields.length;
    this.#edgeSize = edgeFields.length;
    const countAt = nodeFields.indexOf("edge_count");
    const nodeCount = snapshot.nodes.length / this.#nodeSize;
    this.#firstEdge = new Uint32Array(nodeCount + 1);
    for (let node = 0; node < nodeCount; node += 1) {
      const edges = snapshot.nodes[node * this.#nodeSize + countAt] ?? 0;
      this.#firstEdge[node + 1] = (this.#firstEdge[node] ?? 0) + edges * this.#edgeSize;
    }
  }

  pathTo(className: string): string[] {
    const cameBy = new Int32Array(this.#firstEdge.length).fill(-1);
    const cameFrom = new Int32Array(this.#firstEdge.length).fill(-1);
    const queue = [0];
    for (let next = 0; next < queue.length; next += 1) {
      const node = queue[next] ?? 0;
      if (this.#isObjectOf(node, className)) return this.#links(node, { cameBy, cameFrom });
      for (const { edge, to } of this.#strongEdges(node)) {
        if (to === 0 || cameBy[to] !== -1) continue;
        cameBy[to] = edge;
        cameFrom[to] = node;
        queue.push(to);
      }
    }
    return [];
  }

  *#strongEdges(node: number): Generator<{ edge: number; to: number }> {
    const { edges, snapshot } = this.#snapshot;
    const weak = snapshot.meta.edge_types[0].indexOf("weak");
    const end = this.#firstEdge[node + 1] ?? 0;
    for (let edge = this.#firstEdge[node] ?? 0; edge < end; edge += this.#edgeSize) {
      if (edges[edge] !== weak) yield { edge, to: (edges[edge + 2] ?? 0) / this.#nodeSize };
    }
  }

  #isObjectOf(node: number, className: string): boolean {
    return this.#typeOf(node) === "object" && this.#nameOf(node) === className;
  }

  #typeOf(node: number): string {
    const { snapshot, nodes } = this.#snapshot;
    return snapshot.meta.node_types[0][nodes[node * this.#nodeSize] ?? 0] ?? "";
  }

  #nameOf(node: number): string {
    const { nodes, strings } = this.#snapshot;
    return strings[nodes[node * this.#nodeSize + 1] ?? 0] ?? "";
  }

  #links(found: number, { cameBy, cameFrom }: { cameBy: Int32Array; cameFrom: Int32Array }): string[] {
    const links: string[] = [];
    for (let node = found; node > 0; node = cameFrom[node] ?? 0) {
      links.unshift(`${this.#edgeName(cameBy[node] ?? 0)} → ${this.#nameOf(node) || this.#typeOf(node)}`.slice(0, 120));
    }
    return links.length <= MOST_LINKS ? links : ["…", ...links.slice(-MOST_LINKS)];
  }

  #edgeName(edge: number): string {
    const { edges, strings, snapshot } = this.#snapshot;
    const type = snapshot.meta.edge_types[0][edges[edge] ?? 0];
    const name = edges[edge + 1] ?? 0;
    return type === "element" || type === "hidden" ? `[${name}]` : (strings[name] ?? "");
  }
}
