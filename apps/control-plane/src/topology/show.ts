import type { TopologyEvent } from "@evenkeel/contracts/topology";

/** Everything there is to draw, at one moment. */
export type Nodes = Omit<Extract<TopologyEvent, { kind: "nodes" }>, "kind" | "whole" | "gone">;
type Told = ReadonlyMap<string, string>;

export interface Difference {
  readonly event: Extract<TopologyEvent, { kind: "nodes" }>;
  /** Each node as it was told last, by its id. */
  readonly told: Told;
}

/** What of these nodes has not been told yet; null = nothing. `told` null = nothing was told at all. */
export function differenceOf(nodes: Nodes, told: Told | null): Difference | null {
  const now = new Map<string, string>();
  const news = <Node>(all: readonly Node[], idOf: (node: Node) => string): Node[] =>
    all.filter((node) => {
      const text = JSON.stringify(node);
      now.set(idOf(node), text);
      return told?.get(idOf(node)) !== text;
    });
  const services = news(nodes.services, ({ serviceId }) => serviceId);
  const cells = news(nodes.cells, ({ name }) => name);
  const hosts = news(nodes.hosts, ({ hostId }) => hostId);
  const instances = news(nodes.instances, ({ instance }) => instance);
  const gone = [...(told?.keys() ?? [])].filter((id) => !now.has(id));
  if (told !== null && services.length + cells.length + hosts.length + instances.length + gone.length === 0)
    return null;
  const { instancesInAll } = nodes;
  const event = {
    kind: "nodes",
    whole: told === null,
    services,
    cells,
    hosts,
    instances,
    gone,
    instancesInAll,
  } as const;
  return { event, told: now };
}
