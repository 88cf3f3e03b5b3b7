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

/** For each cell the instances of one service that serve those who are in it, as gateways will find them; of all cells the table is compiled once. */
export function servedIn(members: readonly Serving[], map: CellMap): (cell: string) => readonly Serving[] {
  const [first] = members;
  if (first === undefined) return () => [];
  const { home, subsets } = compileService(first.serviceId, members, rowsOf(map));
  const named = new Map(subsets.map(({ name, instances }) => [name, instances]));
  const byKey = new Map(members.map((member) => [member.instance, member]));
  return (cell) => {
    const chain = home.cells.find((one) => one.cell === cell)?.chain ?? home.chain;
    const bound = chain.find((subset) => subset === EVERYONE || (named.get(subset)?.length ?? 0) > 0);
    if (bound === EVERYONE) return members;
    return (named.get(bound ?? "") ?? []).flatMap((instance) => byKey.get(instance) ?? []);
  };
}

const rowsOf = ({ cells, hosts }: CellMap): TrafficRows => ({
  ...{ rules: [], policies: [], bases: [], entry: null, cells },
  hosts: hosts.map(({ id: hostId, name, cell, address }) => ({ hostId, name, cell, address })),
});
