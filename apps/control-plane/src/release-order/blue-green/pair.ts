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
  if (shares.length < 2)
    return unfit(`blue-green needs two cells of its own users, and there is ${listed(shares) || "none"}`);
  const weighed = cells.filter(({ weight }) => weight > 0);
  const [live, ...more] = weighed;
  if (live === undefined)
    return unfit("no cell has a weight: `evenkeel cell switch blue=100` says which one serves now");
  if (more.length > 0) return unfit(`${listed(weighed)} share the users: blue-green goes from one cell to one other`);
  if (live.away) return unfit(say("why.cell-away", { cell: live.name }));
  const idle = wanted === "auto" ? theOther(shares, live) : named(wanted, cells, live);
  if (isRefusal(idle)) return idle;
  const isEmpty = !releases.some(({ hosts }) => hosts.some(({ cell }) => cell === idle.name));
  return isEmpty ? unfit(say("why.cell-empty", { cell: idle.name })) : { live, idle };
}

function theOther(shares: readonly Cell[], live: Cell): Cell | Refusal {
  const [idle, ...more] = shares.filter(({ name, away }) => name !== live.name && !away);
  if (idle === undefined) return unfit(say("why.cells-away"));
  return more.length === 0 ? idle : unfit(`several cells are idle: say \`idle\` (${listed([idle, ...more])})`);
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
  if ("restore" in release) return `${service} goes back to what it was, and users with it`;
  if (gray !== undefined) return `${service} is gray, too: its users go either by version or by cell`;
  if (release.hosts !== undefined) return `it goes to the hosts of the idle cell; leave out \`hosts\` of ${service}`;
  if (strategy.zone !== undefined) return `a cell is released whole; leave out \`zone\` of ${service}`;
  if (strategy.gate === "traffic") return "the idle cell has no traffic to be confirmed; leave out `gate`";
  if (strategy.budget.action === "continue")
    return "users would go to hosts that were lost; choose `stop` or `rollback`";
  return null;
}

/** The release as it looks from a cell: there are no hosts but its own. */
export const withinCell = (part: Part, { name }: Cell): Part => ({
  ...part,
  world: { ...part.world, hosts: part.world.hosts.filter(({ cell }) => cell === name) },
});
