import type { Topology } from "@evenkeel/client/topology";
import type { TopologyHost, TopologyInstance } from "@evenkeel/contracts/topology";
import type { Tone } from "../kit/surface.tsx";
import { INSTANCE_TONES } from "../service/looks.ts";
import { type Folding, foldHosts, placeOf } from "./fold.ts";
import { edgeId, endsOf, nothing, type Path, type Sum, sumUp } from "./sum.ts";
import { HOST_TONES, worstOf } from "./tones.ts";

export const COLUMNS = ["application", "service", "place", "host", "instance"] as const;
export type ColumnName = (typeof COLUMNS)[number];

/** One thing of the picture. */
export interface Node {
  readonly id: string;
  readonly column: ColumnName;
  readonly label: string;
  readonly tone: Tone;
  /** Instances below it. */
  readonly instances: number;
  readonly healthy: number;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** Of many hosts or instances that are drawn as one. */
  readonly stands?: number;
  /** Opens (or closes) this place when it is pressed. */
  readonly turns?: string;
  /** Version of a service or an instance, zone of a host. */
  readonly aside?: string;
}

export interface Edge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
}

export interface Picture {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly paths: readonly Path[];
}

export interface Choice {
  /** Only this service; empty = all. */
  readonly service: string;
  /** Places that were opened or closed by hand. */
  readonly turned: ReadonlySet<string>;
}

/** What is to be drawn: every node and edge is a sum over the instances that run through it. */
export function pictureOf(topology: Topology, choice: Choice): Picture {
  const services = topology.services.filter(({ name }) => choice.service === "" || name === choice.service);
  const shown = new Map(services.map((service) => [service.serviceId as string, service]));
  const hosts = new Map(topology.hosts.map((host) => [host.hostId as string, host]));
  const instances = topology.instances.filter(({ serviceId, hostId }) => shown.has(serviceId) && hosts.has(hostId));
  const used = new Set(instances.map(({ hostId }) => hostId));
  const seen = choice.service === "" ? topology.hosts : topology.hosts.filter(({ hostId }) => used.has(hostId));
  const folding = foldHosts(seen, instances, choice.turned);
  const rates = new Map<string, { asked: number; failed: number }>();
  for (const { instance, requestsPerSecond, failedPerSecond } of topology.rates) {
    if (instance === null) continue;
    const now = rates.get(instance) ?? { asked: 0, failed: 0 };
    rates.set(instance, { asked: now.asked + requestsPerSecond, failed: now.failed + failedPerSecond });
  }
  const paths = instances.map((instance): Path => {
    const service = shown.get(instance.serviceId);
    const host = folding.nodeOf.get(instance.hostId) ?? "";
    const { asked = 0, failed = 0 } = rates.get(instance.instance) ?? {};
    return {
      nodes: [
        `application ${service?.application}`,
        instance.serviceId,
        placeOf(hosts.get(instance.hostId) as TopologyHost),
        host,
        folding.folds.has(host) ? `${host} instances` : instance.instance,
      ],
      tone: INSTANCE_TONES[instance.state],
      requestsPerSecond: asked,
      failedPerSecond: failed,
    };
  });
  return assemble({ topology: { ...topology, hosts: seen }, services, instances, folding, paths });
}

interface Parts {
  readonly topology: Topology;
  readonly services: Topology["services"];
  readonly instances: readonly TopologyInstance[];
  readonly folding: Folding;
  readonly paths: readonly Path[];
}

function assemble(parts: Parts): Picture {
  const { topology, services, paths } = parts;
  const sums = sumUp(paths);
  const node = (id: string, column: ColumnName, more: Partial<Node> & { label: string }): Node => {
    const { tones, asked, failed } = sums.nodes.get(id) ?? nothing();
    return {
      ...{ id, column, tone: worstOf(tones), instances: Object.values(tones).reduce((sum, count) => sum + count, 0) },
      ...{ healthy: tones.good, requestsPerSecond: asked, failedPerSecond: failed },
      ...more,
    };
  };
  const applications = [...new Set(services.map(({ application }) => application))].sort();
  const nodes = [
    ...applications.map((name) => node(`application ${name}`, "application", { label: name })),
    ...services.map(({ serviceId, name, version }) =>
      node(serviceId, "service", {
        label: name,
        ...(version === null ? {} : { aside: version }),
        ...lostOf(topology, serviceId, sums.nodes.get(serviceId)),
      }),
    ),
    ...[...Map.groupBy(topology.hosts, placeOf)].flatMap(([place, hosts]) => [
      node(place, "place", { label: place.slice(5), stands: hosts.length }),
      ...hostNodes(place, parts, node),
    ]),
    ...instanceNodes(parts, node),
  ];
  return { nodes, edges: edgesOf(parts, sums.edges), paths };
}

/** What no instance took counts for the service alone. */
function lostOf({ rates }: Topology, serviceId: string, sum: Sum = nothing()): Partial<Node> {
  const lost = rates.filter((rate) => rate.instance === null && rate.serviceId === serviceId);
  const total = lost.reduce((count, { requestsPerSecond }) => count + requestsPerSecond, 0);
  return { requestsPerSecond: sum.asked + total, failedPerSecond: sum.failed + total };
}

type MakeNode = (id: string, column: ColumnName, more: Partial<Node> & { label: string }) => Node;

function hostNodes(place: string, { topology, folding }: Parts, node: MakeNode): Node[] {
  const hosts = topology.hosts.filter((host) => placeOf(host) === place);
  const own = hosts.filter(({ hostId }) => folding.nodeOf.get(hostId) === hostId);
  const fold = folding.folds.get(`${place} others`);
  return [
    ...own.map(({ hostId, name, zone, state }) => {
      const tone = HOST_TONES[state];
      return node(hostId, "host", { label: name, aside: zone, ...(tone === null ? {} : { tone }) });
    }),
    ...(fold === undefined
      ? []
      : [node(`${place} others`, "host", { label: "", stands: fold.hosts.length, turns: place })]),
    ...(folding.open.has(place) ? [node(`${place} fewer`, "host", { label: "", turns: place, tone: "idle" })] : []),
  ];
}

function instanceNodes({ instances, services, folding: { nodeOf, folds } }: Parts, node: MakeNode): Node[] {
  const names = new Map(services.map(({ serviceId, name }) => [serviceId as string, name]));
  const alone = instances.filter(({ hostId }) => !folds.has(nodeOf.get(hostId) ?? ""));
  const folded = Map.groupBy(
    instances.filter(({ hostId }) => folds.has(nodeOf.get(hostId) ?? "")),
    ({ hostId }) => nodeOf.get(hostId) ?? "",
  );
  return [
    ...alone.map(({ instance, serviceId, version, traffic, state }) =>
      node(instance, "instance", {
        label: names.get(serviceId) ?? "",
        aside: version,
        ...(traffic !== "attached" && state === "healthy" ? { tone: traffic === "draining" ? "busy" : "idle" } : {}),
      }),
    ),
    ...[...folded].map(([host, its]) =>
      node(`${host} instances`, "instance", {
        label: "",
        stands: its.length,
        ...(folds.get(host) === undefined ? {} : { turns: folds.get(host)?.place ?? "" }),
      }),
    ),
  ];
}

function edgesOf(
  { topology: { hosts }, services, folding: { nodeOf, open } }: Parts,
  sums: ReadonlyMap<string, Sum>,
): Edge[] {
  const pairs = new Map<string, readonly [string, string]>();
  const add = (from: string, to: string) => pairs.set(edgeId(from, to), [from, to]);
  for (const { application, serviceId } of services) add(`application ${application}`, serviceId);
  for (const host of hosts) add(placeOf(host), nodeOf.get(host.hostId) ?? "");
  for (const place of open) add(place, `${place} fewer`);
  for (const id of sums.keys()) {
    const [from = "", to = ""] = endsOf(id);
    add(from, to);
  }
  return [...pairs].map(([id, [from, to]]) => {
    const { asked, failed } = sums.get(id) ?? nothing();
    return { id, from, to, requestsPerSecond: asked, failedPerSecond: failed };
  });
}
