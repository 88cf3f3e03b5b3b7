import type { Plan } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";
import type { Cell } from "@evenkeel/contracts/workspace";

/** The cells of a workspace, as a version to be compared at the start. */
export function basisOfCells(cells: readonly Cell[]): Plan["basis"][number] {
  const shown = cells.map(cellText).join(", ");
  return { resource: "cells", version: shown, label: say("label.cells-as-they-are"), shown };
}

function cellText({ name, weight, away, gray, type, zones, failOver }: Cell): string {
  const words = [name, weight, away ? "away" : "here", ...(gray ? ["gray"] : []), type, zones.join("+")];
  return [...words, ...(failOver === null ? [] : [`fail-over ${failOver}`])].join(" ");
}
