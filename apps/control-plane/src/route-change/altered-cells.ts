// Cells that a change alters: their shares of the users, and what they are.
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { Difference } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { type CellEdit, type CellWeight, weightsBetween } from "../traffic-rule/plan/index.ts";
import type { RouteWorld } from "./world.ts";

type Altering = Pick<RouteChangeSpec, "cells">;
type Asking = Altering & Pick<RouteChangeSpec, "allowGap">;
type Known = Pick<RouteWorld, "cells">;
type Alteration = Altering["cells"][number];

/** What decides who serves the users of a cell. */
const SHAPE = ["zones", "type", "failOver", "away"] as const;

/** Whether users of a cell may be served by others afterwards, be no host moved. */
export const reshapes = ({ cells }: Altering): boolean =>
  cells.some((given) => SHAPE.some((field) => given[field] !== undefined));

/** All cells as they will be. */
export function cellsAfter({ cells: given }: Altering, { cells }: Known): Cell[] {
  return cells.map((cell) => {
    const { cell: _, ...altered } = given.find((one) => one.cell === cell.name) ?? { cell: cell.name };
    return { ...cell, ...altered };
  });
}

/** Whether some cell will be otherwise than it is. */
export const altersCells = (spec: Altering, world: Known): boolean =>
  canonicalJson(cellsAfter(spec, world)) !== canonicalJson(world.cells);

const reweighs = ({ cells }: Altering): boolean => cells.some(({ weight }) => weight !== undefined);
const weightOf = ({ name, weight, away }: Cell): CellWeight => ({ cell: name, weight, away });

/** What a step writes. A weight is a share of all: one that goes by steps takes the others with it. */
export function cellEdits(spec: Altering, world: Known, percent: number | null): CellEdit[] {
  const weights = reweighs(spec)
    ? weightsBetween(world.cells.map(weightOf), cellsAfter(spec, world).map(weightOf), percent ?? 100)
    : [];
  const edits = spec.cells.map((given) => ({ ...given, ...weights.find(({ cell }) => cell === given.cell) }));
  return [...edits, ...weights.filter(({ cell }) => !edits.some((edit) => edit.cell === cell))];
}

/** What a rollback writes: of each cell what this alters, and all weights where one is altered. */
export function cellsBefore(spec: Altering, { cells }: Known): Altering["cells"] {
  return cells.flatMap((cell) => {
    const given = spec.cells.find((one) => one.cell === cell.name);
    const fields = Object.keys(given ?? {}).filter((field) => field in cell);
    const altered = [...new Set([...fields, ...(reweighs(spec) ? ["weight"] : [])])];
    const before = altered.map((field) => [field, cell[field as keyof Cell]]);
    return before.length === 0 ? [] : [{ cell: cell.name, ...Object.fromEntries(before) }];
  });
}

// ── why not ───────────────────────────────────────────────────────────────────

/** Why cells cannot become so. */
export function refuseCells(spec: Asking, world: Pick<RouteWorld, "cells" | "workspace">): Refusal | null {
  const problem = problemOf(spec, world);
  return problem === null ? null : refuse("CELL_UNFIT", { problem });
}

function problemOf({ cells: given, allowGap }: Asking, { cells, workspace }: Pick<RouteWorld, "cells" | "workspace">) {
  const names = given.map(({ cell }) => cell);
  const [twice] = repeated(names);
  if (twice !== undefined) return say("why.named-twice", { name: twice });
  const known = new Set<string>(cells.map(({ name }) => name));
  const strange = [...names, ...given.flatMap(({ failOver }) => failOver ?? [])].find((name) => !known.has(name));
  if (strange !== undefined) return say("why.no-cell", { cell: strange });
  if (given.some(({ cell, failOver }) => failOver === cell)) return say("why.own-fail-over");
  const zones = given.flatMap((one) => one.zones ?? []);
  const elsewhere = zones.find((zone) => !workspace.zones.includes(zone));
  if (elsewhere !== undefined) return say("why.strange-zone", { zone: elsewhere, workspace: workspace.name });
  const [zone] = given.flatMap((one) => repeated(one.zones ?? []));
  if (zone !== undefined) return say("why.named-twice", { name: zone });
  const after = cellsAfter({ cells: given }, { cells });
  // A way back, which consents to all that was so before, gives a gray cell the weight that it had for later.
  return (allowGap ? null : shareOfGray(given, after)) ?? newlyStranded(cells, after);
}

const repeated = (names: readonly string[]): string[] => names.filter((name, index) => names.indexOf(name) !== index);

function shareOfGray(given: Altering["cells"], after: readonly Cell[]): string | null {
  const gray = given.find(({ cell, weight = 0 }) => weight > 0 && after.some((one) => one.gray && one.name === cell));
  return gray === undefined ? null : say("why.gray-cell", { cell: gray.cell });
}

/** A cell that is sent away needs one that takes its traffic, and is there itself; who had none before is not this change's concern. */
function newlyStranded(before: readonly Cell[], after: readonly Cell[]): string | null {
  const had = stranded(before);
  const [found] = [...stranded(after)].filter((cell) => !had.has(cell));
  return found === undefined ? null : say("why.no-fail-over", { cell: found });
}

function stranded(cells: readonly Cell[]): ReadonlySet<string> {
  const here = new Set<string>(cells.filter(({ away }) => !away).map(({ name }) => name));
  const found = cells.filter(({ away, failOver }) => away && (failOver === null || !here.has(failOver)));
  return new Set(found.map(({ name }) => name));
}

// ── in words ──────────────────────────────────────────────────────────────────

/** A cell of a change, in a line of its title. */
export function cellText({ cell, weight, away, zones, type, gray, failOver }: Alteration): string {
  return [
    cell,
    ...(weight === undefined ? [] : [weight]),
    ...(away === undefined ? [] : [say(away ? "altered.away" : "altered.here")]),
    ...(zones === undefined ? [] : [say("altered.zones", { zone: zones.join("+") })]),
    ...(type === undefined ? [] : [say(`altered.${type}`)]),
    ...(gray === undefined ? [] : [say(gray ? "altered.gray" : "altered.not-gray")]),
    ...(failOver === undefined
      ? []
      : [failOver === null ? say("altered.no-fail-over") : say("altered.fail-over", { cell: failOver })]),
  ].join(" ");
}

/** What each cell is, and will be. */
export function cellDifferences(spec: Altering, world: Known): Difference[] {
  const after = cellsAfter(spec, world);
  return spec.cells.flatMap((given) => {
    const [now, then] = [world.cells, after].map((cells) => cells.find(({ name }) => name === given.cell));
    if (now === undefined || then === undefined) return [];
    const { cell } = given;
    const all: [keyof Alteration, string, (of: Cell) => string][] = [
      ["weight", say("field.weight", { cell }), ({ weight }) => String(weight)],
      ["away", say("place.cell", { cell }), placeText],
      ["zones", say("field.zones-of", { cell }), ({ zones }) => zones.join(", ")],
      ["type", say("field.type-of", { cell }), ({ type }) => type],
      ["gray", say("field.gray-of", { cell }), ({ gray }) => say(gray ? "value.no-share" : "value.its-share")],
      ["failOver", say("field.fail-over-of", { cell }), ({ failOver }) => failOver ?? say("listed.none")],
    ];
    return all
      .filter(([name]) => given[name] !== undefined)
      .map(([, field, text]): Difference => ({ field, from: text(now), to: text(then) }));
  });
}

const placeText = ({ away, failOver }: Cell): string =>
  away ? say("value.away", { cell: String(failOver) }) : say("value.here");
