import { CellId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { Cell } from "@evenkeel/contracts/workspace";
import { expect, test } from "vitest";
import { type CellDraft, cellDraft, cellSpec } from "./cell-draft.ts";

const blue = Cell.parse({
  ...{ id: newId(CellId, "cel"), workspaceId: newId(WorkspaceId, "wsp"), name: "blue", zones: ["a", "b"] },
  ...{ type: "unit", colour: null, gray: false, failOver: "green", weight: 1, away: false, version: 1 },
  createdAt: "2026-01-01T00:00:00.000Z",
});

test.each<[string, Partial<CellDraft>, object | null]>([
  ["as it is", {}, null],
  ["the same zones, written otherwise", { zones: " a,b " }, null],
  ["no zone", { zones: " , " }, null],
  ["another zone", { zones: "a c" }, { zones: ["a", "c"] }],
  ["shared", { shared: true }, { type: "shared" }],
  ["gray, without a fail-over", { gray: true, failOver: "" }, { gray: true, failOver: null }],
])("%s", (_, draft, altered) => {
  expect(cellSpec(blue, { ...cellDraft(blue), ...draft })).toEqual(altered && { cell: "blue", ...altered });
});
