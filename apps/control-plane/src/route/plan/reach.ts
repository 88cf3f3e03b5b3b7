import type { HostId, ServiceId } from "@evenkeel/contracts/id";
import { EVERYONE } from "@evenkeel/contracts/route-table";
import { type CellRow, compileService, type HostPlace, type Member, type TrafficRows } from "./compile.ts";

/** An instance that takes requests, of any service of the workspace. */
export interface Serving extends Member {
  readonly serviceId: ServiceId;
  readonly service: string;
}

/** What decides who serves the users of a cell. */
export interface CellMap {
  readonly cells: readonly CellRow[];
  readonly hosts: readonly (Omit<HostPlace, "hostId"> & { readonly id: HostId })[];
}

/** The instances of one service that serve those who are in a cell, as gateways will find them. */
export function servedTo(cell: string, members: readonly Serving[], map: CellMap): readonly Serving[] {
  const [first] = members;
  if (first === undefined) return [];
  const { home, subsets } = compileService(first.serviceId, members, rowsOf(map));
  const chain = home.cells.find((one) => one.cell === cell)?.chain ?? home.chain;
  const named = new Map(subsets.map(({ name, instances }) => [name, new Set(instances)]));
  const bound = chain.find((subset) => subset === EVERYONE || (named.get(subset)?.size ?? 0) > 0);
  if (bound === EVERYONE) return members;
  return members.filter(({ instance }) => bound !== undefined && named.get(bound)?.has(instance));
}

const rowsOf = ({ cells, hosts }: CellMap): TrafficRows => ({
  ...{ rules: [], policies: [], bases: [], entry: null, cells },
  hosts: hosts.map(({ id: hostId, name, cell, address }) => ({ hostId, name, cell, address })),
});
