import type { Topology } from "@evenkeel/client/topology";
import type { TopologyHost, TopologyInstance } from "@evenkeel/contracts/topology";
import { INSTANCE_TONES } from "../service/looks.ts";

/** So many hosts of a place are shown one by one without being asked. */
export const FEW_HOSTS = 8;
const MOST_TROUBLED = 8;

/** Where a host stands: its cell, else its zone. */
export const placeOf = ({ cell, zone }: TopologyHost): string => (cell === null ? `zone ${zone}` : `cell ${cell}`);

/** Which hosts are drawn as one. */
export interface Folding {
  /** The node that stands for a host: its own, or one for many. */
  readonly nodeOf: ReadonlyMap<string, string>;
  /** Nodes that stand for many hosts, by id. */
  readonly folds: ReadonlyMap<string, { readonly place: string; readonly hosts: Topology["hosts"] }>;
  /** Places of many hosts that are open. */
  readonly open: ReadonlySet<string>;
}

/** Of a place with many hosts only those in trouble stand alone, unless it was opened (`turned`) by hand. */
export function foldHosts(
  hosts: Topology["hosts"],
  instances: readonly TopologyInstance[],
  turned: ReadonlySet<string>,
): Folding {
  const unwell = new Set(
    instances.filter(({ state }) => INSTANCE_TONES[state] === "bad").map(({ hostId }) => hostId as string),
  );
  const places = [...Map.groupBy(hosts, placeOf)].map(([place, its]) => {
    if (its.length <= FEW_HOSTS || turned.has(place)) return { place, its, alone: its };
    const troubled = its.filter(({ hostId, state }) => state !== "online" || unwell.has(hostId));
    return { place, its, alone: troubled.slice(0, MOST_TROUBLED) };
  });
  const nodeOf = new Map<string, string>();
  const folds = new Map<string, { place: string; hosts: Topology["hosts"] }>();
  for (const { place, its, alone } of places) {
    const others = alone === its ? [] : its.filter((host) => !alone.includes(host));
    for (const { hostId } of alone) nodeOf.set(hostId, hostId);
    for (const { hostId } of others) nodeOf.set(hostId, `${place} others`);
    if (others.length > 0) folds.set(`${place} others`, { place, hosts: others });
  }
  const open = places.filter(({ place, its }) => its.length > FEW_HOSTS && turned.has(place));
  return { nodeOf, folds, open: new Set(open.map(({ place }) => place)) };
}
