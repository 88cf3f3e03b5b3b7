import type { Difference } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { Draft } from "../../change/index.ts";
import { basisOfCells, type CellWeight, setRules } from "../../traffic-rule/plan/index.ts";
import { type OrderWorld, serviceIdOf } from "../world.ts";
import { otherVersions, refuseStranded } from "./reach.ts";
import { refuseTrial, type Switching, switchUsers } from "./switch.ts";

export { type CellPair, pairOf, refuseBeside, withinCell } from "./pair.ts";
export { trialName } from "./trial-name.ts";

/** A weight that a cell has had. */
export type CellShare = Pick<CellWeight, "cell" | "weight">;

/** The plan of a release into the idle cell, with the steps by which users follow. */
export function withSwitch(draft: Draft, switching: Switching): Draft | Refusal {
  const { world, pair, parts } = switching;
  const released = new Set(parts.map((part) => serviceIdOf(part.world)));
  const refusal = refuseStranded(world, pair, released) ?? refuseTrial(switching);
  if (isRefusal(refusal)) return refusal;
  return {
    ...draft,
    ...switchUsers(draft, switching),
    title: say("title.switch", { title: draft.title, live: pair.live.name, idle: pair.idle.name }),
    basis: [...draft.basis, basisOfCells(world.cells ?? [])],
    differences: [...draft.differences, ...differencesOf(switching)],
    warnings: [...draft.warnings, ...otherVersions(world, pair, released), ...smallerCell(switching)],
  };
}

/** The plan of a way back, with users where they were before anything else is done. */
export function withUsersBack(draft: Draft, weights: readonly CellShare[], world: OrderWorld): Draft {
  const away = new Map((world.cells ?? []).map((cell) => [cell.name as string, cell.away]));
  // A cell that was removed meanwhile has no weight.
  const cells = weights
    .filter(({ cell }) => away.has(cell))
    .map((one) => ({ ...one, away: away.get(one.cell) === true }));
  return {
    ...draft,
    opening: [setRules({ cells }, "users-back"), ...draft.opening],
    basis: [...draft.basis, basisOfCells(world.cells ?? [])],
    differences: [
      ...draft.differences,
      ...cells.map(({ cell, weight }): Difference => {
        const now = world.cells?.find(({ name }) => name === cell)?.weight;
        return { field: say("field.weight", { cell }), from: String(now ?? 0), to: String(weight) };
      }),
    ],
    irreversible: say("inverse.users-back"),
  };
}

function differencesOf({ blueGreen: { trial, steps, keepOldSeconds }, pair: { live, idle } }: Switching): Difference[] {
  const tried = triedBy(trial);
  return [
    ...(tried === null ? [] : [{ field: say("place.trial", { cell: idle.name }), from: null, to: tried }]),
    {
      field: say("field.users"),
      from: live.name,
      to: say("value.by-steps", { cell: idle.name, steps: steps.map(String) }),
    },
    { field: say("field.kept", { cell: live.name }), from: null, to: `${keepOldSeconds} s` },
  ];
}

function triedBy(trial: Switching["blueGreen"]["trial"]): string | null {
  const percent = trial?.percent ?? 0;
  if ((trial?.match.length ?? 0) === 0) return percent === 0 ? null : say("value.of-users", { percent });
  return percent === 0 ? say("value.who-fits") : say("value.who-fits-and", { percent });
}

/** What carried all users so far may be more than what is to. */
function smallerCell({ parts, services, pair: { live, idle } }: Switching): string[] {
  return services.flatMap(({ about, targets }, index) => {
    const { upstreams = [], hosts = [] } = parts[index]?.world ?? {};
    const inLive = new Set(hosts.filter(({ cell }) => cell === live.name).map(({ id }) => id));
    const before = upstreams.filter(({ hostId, state }) => state === "attached" && inLive.has(hostId)).length;
    const after = targets.filter(({ online, to }) => online && to !== null).length;
    if (after >= before) return [];
    return [
      say("warning.smaller-cell", {
        ...{ idle: idle.name, count: after, service: about.service },
        ...{ total: before, live: live.name },
      }),
    ];
  });
}
