import { expect, test } from "vitest";
import { FIRST_GRAY, FIRST_STRATEGY } from "../release/wish.ts";
import { fits } from "./entry-state.ts";

const first = { application: "", definition: null, strategy: FIRST_STRATEGY, hosts: [] as string[] };

test("what was kept with an entry of the history is taken where it has every field of today", () => {
  expect(fits(structuredClone(first), first)).toBe(true);
  const filled = { ...first, application: "shop", definition: { start: "node server.mjs" }, hosts: ["local-1"] };
  expect(fits({ ...filled, strategy: { ...FIRST_STRATEGY, gray: FIRST_GRAY } }, first)).toBe(true);
});

test.each([
  ["nothing", undefined],
  ["something of another page", "shop"],
  ["a field that is missing", { ...first, hosts: undefined }],
  ["a field of another sort", { ...first, hosts: {} }],
  ["a field that is missing further in", { ...first, strategy: { ...FIRST_STRATEGY, gate: undefined } }],
  ["what was nothing and is not there", { ...first, definition: undefined }],
])("%s is not taken", (_, kept) => expect(fits(kept, first)).toBe(false));
