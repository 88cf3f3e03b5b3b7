import type {
  InstanceRate,
  TopologyCell,
  TopologyEvent,
  TopologyHost,
  TopologyInstance,
  TopologyService,
} from "@evenkeel/contracts/topology";

/** A workspace as its stream has told of it so far. */
export interface Topology {
  readonly services: readonly TopologyService[];
  readonly cells: readonly TopologyCell[];
  readonly hosts: readonly TopologyHost[];
  readonly instances: readonly TopologyInstance[];
  readonly instancesInAll: number;
  readonly rates: readonly InstanceRate[];
}

/** The picture after one more event. */
export function mergeTopology(now: Topology | null, event: TopologyEvent): Topology | null {
  if (event.kind === "traffic") return now === null ? null : { ...now, rates: event.rates };
  const { whole, instancesInAll, services, cells, hosts, instances } = event;
  if (now === null || whole) return { services, cells, hosts, instances, instancesInAll, rates: now?.rates ?? [] };
  const gone = new Set(event.gone);
  const merge = <Node>(old: readonly Node[], news: readonly Node[], idOf: (node: Node) => string): readonly Node[] => {
    if (news.length === 0 && !old.some((node) => gone.has(idOf(node)))) return old;
    const fresh = new Map(news.map((node) => [idOf(node), node]));
    const kept = old.filter((node) => !gone.has(idOf(node))).map((node) => fresh.get(idOf(node)) ?? node);
    const known = new Set(kept.map(idOf));
    return [...kept, ...news.filter((node) => !known.has(idOf(node)))];
  };
  return {
    services: merge(now.services, services, ({ serviceId }) => serviceId),
    cells: merge(now.cells, cells, ({ name }) => name),
    hosts: merge(now.hosts, hosts, ({ hostId }) => hostId),
    instances: merge(now.instances, instances, ({ instance }) => instance),
    instancesInAll,
    rates: now.rates,
  };
}
