import { Manifest } from "@evenkeel/contracts/service";
import { describe, expect, test } from "vitest";
import { override, overrideBlueGreen, strategyOf } from "./strategy-options.ts";

describe("--blue-green", () => {
  const manifest = Manifest.parse({ application: "shop", start: "./run", blueGreen: { steps: [30, 100] } });

  test("names the idle cell and leaves the rest as the manifest has it", () => {
    expect(override(manifest, { blueGreen: "green" }).blueGreen).toMatchObject({ idle: "green", steps: [30, 100] });
    expect(override(manifest, {}).blueGreen).toEqual(manifest.blueGreen);
  });

  test("makes of any release one into the idle cell, and nothing does without it", () => {
    expect(overrideBlueGreen(undefined, { blueGreen: "auto" }).blueGreen).toMatchObject({ idle: "auto" });
    expect(overrideBlueGreen(undefined, {})).toEqual({});
  });

  test("is refused where it is no name of a cell, as a folder that stands in its place", () => {
    expect(() => overrideBlueGreen(undefined, { blueGreen: "./shop" })).toThrow("--blue-green ./shop");
  });
});

test("--on-failure says what becomes of a release that fails, and leaves how many may", () => {
  const strategy = { budget: { failures: 2, action: "stop" } };
  const manifest = Manifest.parse({ application: "shop", start: "./run", strategy });
  expect(override(manifest, { onFailure: "rollback" }).strategy.budget).toEqual({ failures: 2, action: "rollback" });
  expect(strategyOf({ onFailure: "continue" })?.budget).toEqual({ failures: 0, action: "continue" });
  expect(strategyOf({})).toBeNull();
  expect(() => strategyOf({ onFailure: "pray" })).toThrow("--on-failure: ");
});
