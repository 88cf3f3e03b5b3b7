import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { EVERYONE } from "@evenkeel/contracts/route-table";
import type { Cell } from "@evenkeel/contracts/workspace";
import { compileService, type TrafficRows } from "../../route/plan/index.ts";
import type { OrderWorld, Serving } from "../world.ts";
import type { CellPair } from "./pair.ts";

type Reach = Pick<OrderWorld, "cells" | "serving" | "releases">;

/** Users take all services with them: one that the idle cell does not reach would be lost to them. */
export function refuseStranded(world: Reach, { idle }: CellPair, released: ReadonlySet<ServiceId>): Refusal | null {
  const stranded = othersIn(world, released).find(([, members]) => servedTo(idle, members, world).length === 0);
  if (stranded === undefined) return null;
  const [, [first]] = stranded;
  return refuse("CELL_UNFIT", {
    problem: say("why.nobody-there", { cell: idle.name, service: String(first?.service) }),
  });
}

/** Other services whose users will meet another version. */
export function otherVersions(world: Reach, { live, idle }: CellPair, released: ReadonlySet<ServiceId>): string[] {
  return othersIn(world, released).flatMap(([, members]) => {
    const [now, then] = [live, idle].map((cell) => versionsOf(servedTo(cell, members, world)));
    return now === then
      ? []
      : [
          say("warning.other-version", {
            ...{ service: String(members[0]?.service), versions: String(now), others: String(then) },
            live: live.name,
            idle: idle.name,
          }),
        ];
  });
}

const versionsOf = (members: readonly Serving[]): string =>
  [...new Set(members.map(({ version }) => version))].sort().join(", ");

const othersIn = ({ serving = [] }: Reach, released: ReadonlySet<ServiceId>) => [
  ...Map.groupBy(
    serving.filter(({ serviceId }) => !released.has(serviceId)),
    ({ serviceId }) => serviceId,
  ),
];

/** The instances that serve those who are in a cell, as gateways will find them. */
function servedTo({ name }: Cell, members: readonly Serving[], world: Reach): readonly Serving[] {
  const [first] = members;
  if (first === undefined) return [];
  const { home, subsets } = compileService(first.serviceId, members, rowsOf(world));
  const chain = home.cells.find(({ cell }) => cell === name)?.chain ?? home.chain;
  const instancesIn = (subset: string) =>
    subset === EVERYONE
      ? members.map(({ instance }) => instance)
      : subsets.find((one) => one.name === subset)?.instances;
  const found = chain.map((subset) => instancesIn(subset) ?? []).find((instances) => instances.length > 0) ?? [];
  return members.filter(({ instance }) => found.includes(instance));
}

const rowsOf = ({ cells = [], releases }: Reach): TrafficRows => ({
  ...{ rules: [], policies: [], bases: [], entry: null, cells },
  hosts: (releases[0]?.hosts ?? []).map(({ id: hostId, name, cell, address }) => ({ hostId, name, cell, address })),
});
