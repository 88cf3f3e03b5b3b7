import type { BlueGreen } from "@evenkeel/contracts/blue-green";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { type Release, serviceOf } from "@evenkeel/contracts/release-order";
import type { Cell } from "@evenkeel/contracts/workspace";
import type { OrderWorld, Part } from "../world.ts";

/** The cell that users are in, and the one that is released to. */
export interface CellPair {
  readonly live: Cell;
  readonly idle: Cell;
}

const unfit = (problem: string): Refusal => refuse("CELL_UNFIT", { problem });
const listed = (cells: readonly Cell[]): string => cells.map(({ name }) => name).join(", ");
const takesShares = ({ type, gray }: Cell): boolean => type === "unit" && !gray;

/** Which cell users leave, and which they go to, or why that cannot be. */
export function pairOf(
  { idle: wanted }: BlueGreen,
  { cells = [], releases }: Pick<OrderWorld, "cells" | "releases">,
): CellPair | Refusal {
  const shares = cells.filter(takesShares);
  if (shares.length < 2) return unfit(say("why.two-cells", { cells: listed(shares) || say("listed.none") }));
  const weighed = cells.filter(({ weight }) => weight > 0);
  const [live, ...more] = weighed;
  if (live === undefined) return unfit(say("why.no-live-cell"));
  if (more.length > 0) return unfit(say("why.cells-share", { cells: listed(weighed) }));
  if (live.away) return unfit(say("why.cell-away", { cell: live.name }));
  const idle = wanted === "auto" ? theOther(shares, live) : named(wanted, cells, live);
  if (isRefusal(idle)) return idle;
  const isEmpty = !releases.some(({ hosts }) => hosts.some(({ cell }) => cell === idle.name));
  return isEmpty ? unfit(say("why.cell-empty", { cell: idle.name })) : { live, idle };
}

function theOther(shares: readonly Cell[], live: Cell): Cell | Refusal {
  const [idle, ...more] = shares.filter(({ name, away }) => name !== live.name && !away);
  if (idle === undefined) return unfit(say("why.cells-away"));
  return more.length === 0 ? idle : unfit(say("why.cells-idle", { cells: listed([idle, ...more]) }));
}

function named(wanted: string, cells: readonly Cell[], live: Cell): Cell | Refusal {
  const cell = cells.find(({ name }) => name === wanted);
  if (cell === undefined) return unfit(say("why.no-cell", { cell: wanted }));
  if (cell.name === live.name) return unfit(say("why.users-there", { cell: wanted }));
  if (!takesShares(cell)) return unfit(say(cell.gray ? "why.gray-cell" : "why.shared-cell", { cell: wanted }));
  return cell.away ? unfit(say("why.cell-away", { cell: wanted })) : cell;
}

/** What of the releases contradicts a switch between cells; null = nothing. */
export function refuseBeside(parts: readonly Part[]): Refusal | null {
  const problem = parts.map(({ release }) => problemOf(release)).find((found) => found !== null) ?? null;
  return problem === null ? null : refuse("STRATEGY_UNFIT", { problem: `blueGreen: ${problem}` });
}

function problemOf(release: Release): string | null {
  const { strategy, gray } = release;
  const service = serviceOf(release);
  if ("restore" in release) return say("why.goes-back", { service });
  if (gray !== undefined) return say("why.gray-too", { service });
  if (release.hosts !== undefined) return say("why.idle-hosts", { service });
  if (strategy.zone !== undefined) return say("why.cell-whole", { service });
  if (strategy.gate === "traffic") return say("why.idle-no-traffic");
  if (strategy.budget.action === "continue") return say("why.hosts-lost");
  return null;
}

/** The release as it looks from a cell: there are no hosts but its own. */
export const withinCell = (part: Part, { name }: Cell): Part => ({
  ...part,
  world: { ...part.world, hosts: part.world.hosts.filter(({ cell }) => cell === name) },
});
