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
  const instancesIn = (subset: string) =>
    subset === EVERYONE
      ? members.map(({ instance }) => instance)
      : subsets.find((one) => one.name === subset)?.instances;
  const found = chain.map((subset) => instancesIn(subset) ?? []).find((instances) => instances.length > 0) ?? [];
  return members.filter(({ instance }) => found.includes(instance));
}

const rowsOf = ({ cells, hosts }: CellMap): TrafficRows => ({
  ...{ rules: [], policies: [], bases: [], entry: null, cells },
  hosts: hosts.map(({ id: hostId, name, cell, address }) => ({ hostId, name, cell, address })),
});
