import { CellId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Bed, problem, startBed, value } from "./test-bed.ts";

const at = "2026-01-01T00:00:00.000Z";
const blue = {
  ...{ id: newId(CellId, "cel"), workspaceId: newId(WorkspaceId, "wsp"), name: "blue", zones: ["a"], type: "unit" },
  ...{ colour: null, gray: false, failOver: null, weight: 1, away: false, version: 1, createdAt: at },
};
const principal = { id: "prn_0123456789abcdefghij", name: "admin", kind: "person", createdAt: at };

let bed: Bed;
beforeEach(async () => {
  bed = await startBed({
    "GET /me": () => value({ principal, may: ["*:*"], tenant: "default" }),
    "GET /cells": () => value({ items: [blue], nextCursor: null }),
    [`PATCH /cells/${blue.id}`]: ({ body }) => value({ ...blue, ...(body as object) }),
    "POST /changes/plan": () => problem("CELL_LEFT_EMPTY", { cell: "blue", service: "shop" }),
  });
  await bed.run(["login"]);
});
afterEach(() => bed.close());

const sent = () => bed.asked.at(-1)?.body;

test.each<[string[], object, object]>([
  [["edit", "blue", "--fail-over", "green"], { cell: "blue", failOver: "green" }, {}],
  [["edit", "blue", "--fail-over", "none", "--allow-gap"], { cell: "blue", failOver: null }, { allowGap: true }],
  [
    ["edit", "blue", "--zones", "a,b", "--shared", "--no-gray", "--bake", "60"],
    { cell: "blue", zones: ["a", "b"], type: "shared", gray: false },
    { strategy: expect.objectContaining({ bakeSeconds: 60 }) },
  ],
  [["away", "blue", "--allow-gap"], { cell: "blue", away: true }, { allowGap: true }],
])("cell %j asks for a change of traffic", async (args, cell, more) => {
  const { stderr } = await bed.run(["cell", ...args]);
  expect(sent()).toMatchObject({ kind: "route-change", spec: { workspace: "local", ...more } });
  expect((sent() as { spec: { cells: object[] } }).spec.cells).toEqual([cell]);
  expect(stderr).toContain("CELL_LEFT_EMPTY");
});

test("a colour is edited at once, and beside it the rest is a change", async () => {
  const { stdout } = await bed.run(["cell", "edit", "blue", "--colour", "red"]);
  expect(sent()).toEqual({ colour: "red" });
  expect(stdout).toContain("cell blue");
  await bed.run(["cell", "edit", "blue", "--colour", "red", "--gray"]);
  expect(bed.asked.slice(-2).map(({ body }) => body)).toEqual([
    { colour: "red" },
    expect.objectContaining({ kind: "route-change" }),
  ]);
});
