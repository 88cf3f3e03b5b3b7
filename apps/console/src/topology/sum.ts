import type { Tone } from "../kit/surface.tsx";

/** How one instance hangs together with the rest, node by node from its application on. */
export interface Path {
  readonly nodes: readonly string[];
  readonly tone: Tone;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
}

export const edgeId = (from: string, to: string): string => `${from} → ${to}`;
/** The two nodes of an edge. */
export const endsOf = (id: string): readonly string[] => id.split(" → ");

/** The edges of a path. */
const edgesIn = ({ nodes }: Path): string[] => nodes.slice(1).map((node, index) => edgeId(nodes[index] ?? "", node));

/** What runs through a node or an edge. */
export interface Sum {
  readonly tones: Record<Tone, number>;
  asked: number;
  failed: number;
}

export const nothing = (): Sum => ({ tones: { good: 0, busy: 0, warn: 0, bad: 0, idle: 0 }, asked: 0, failed: 0 });

export function sumUp(paths: readonly Path[]): { nodes: Map<string, Sum>; edges: Map<string, Sum> } {
  const nodes = new Map<string, Sum>();
  const edges = new Map<string, Sum>();
  const add = (to: Map<string, Sum>, id: string, path: Path) => {
    const sum = to.get(id) ?? nothing();
    sum.tones[path.tone] += 1;
    sum.asked += path.requestsPerSecond;
    sum.failed += path.failedPerSecond;
    to.set(id, sum);
  };
  for (const path of paths) {
    for (const id of path.nodes) add(nodes, id, path);
    for (const id of edgesIn(path)) add(edges, id, path);
  }
  return { nodes, edges };
}

/** The nodes and edges that hang together with a node. */
export function relatedTo({ paths, edges }: Related, id: string): ReadonlySet<string> {
  const through = paths.filter(({ nodes }) => nodes.includes(id));
  // What has no instance hangs together with its neighbours at least.
  if (through.length === 0) {
    const own = edges.filter(({ from, to }) => from === id || to === id);
    return new Set([id, ...own.flatMap((edge) => [edge.id, edge.from, edge.to])]);
  }
  return new Set(through.flatMap((path) => [...path.nodes, ...edgesIn(path)]));
}

interface Related {
  readonly paths: readonly Path[];
  readonly edges: readonly { readonly id: string; readonly from: string; readonly to: string }[];
}
