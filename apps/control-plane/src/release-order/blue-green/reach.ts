import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { type CellMap, type Serving, servedIn } from "../../route/plan/index.ts";
import type { OrderWorld } from "../world.ts";
import type { CellPair } from "./pair.ts";

type Reach = Pick<OrderWorld, "cells" | "serving" | "releases">;

/** Users take all services with them: one that the idle cell does not reach would be lost to them. */
export function refuseStranded(world: Reach, { idle }: CellPair, released: ReadonlySet<ServiceId>): Refusal | null {
  const stranded = othersIn(world, released).find(
    ([, members]) => servedIn(members, mapOf(world))(idle.name).length === 0,
  );
  if (stranded === undefined) return null;
  const [, [first]] = stranded;
  return refuse("CELL_UNFIT", {
    problem: say("why.nobody-there", { cell: idle.name, service: String(first?.service) }),
  });
}

/** Other services whose users will meet another version. */
export function otherVersions(world: Reach, { live, idle }: CellPair, released: ReadonlySet<ServiceId>): string[] {
  return othersIn(world, released).flatMap(([, members]) => {
    const served = servedIn(members, mapOf(world));
    const [now, then] = [live, idle].map((cell) => versionsOf(served(cell.name)));
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

/** The hosts of a workspace are in each of its worlds. */
const mapOf = ({ cells = [], releases }: Reach): CellMap => ({ cells, hosts: releases[0]?.hosts ?? [] });
