import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { describe, expect, test } from "vitest";
import { withConditions } from "../traffic/draft.ts";
import { FIRST_AB, FIRST_BLUE_GREEN, FIRST_GRAY, FIRST_STRATEGY, type StrategyWish, specOf } from "./wish.ts";

const specWith = (strategy: Partial<StrategyWish>) =>
  specOf("local", {
    ...{ application: "shop", version: "2.0.0", definition: null },
    strategy: { ...FIRST_STRATEGY, ...strategy },
  });

describe("how users come to a new version", () => {
  test("with the hosts, unless something else is said", () => {
    expect(specWith({})).not.toHaveProperty("gray");
    expect(specWith({})).not.toHaveProperty("blueGreen");
  });

  test("by shares, and by what they send before everybody else", () => {
    const match = withConditions({}, [{ where: "header", name: "x-tester", test: "present", value: "", not: false }]);
    const spec = specWith({ gray: { ...FIRST_GRAY, key: "cookie uid, header x-user", match, lane: " gray " } });
    expect(ReleaseOrderSpec.parse(spec)).toMatchObject({
      gray: {
        steps: [1, 5, 20, 50, 100],
        key: [{ cookie: "uid" }, { header: "x-user" }],
        match: [{ header: "x-tester", present: true }],
        ...{ lane: "gray", stay: false },
      },
    });
  });

  test("two versions side by side", () => {
    expect(ReleaseOrderSpec.parse(specWith({ gray: FIRST_AB }))).toMatchObject({ gray: { steps: [20], stay: true } });
  });

  test("in the idle cell, where no traffic returns to a host", () => {
    const spec = specWith({ blueGreen: FIRST_BLUE_GREEN, gate: "traffic", confirm: "each" });
    expect(ReleaseOrderSpec.parse(spec)).toMatchObject({
      blueGreen: { idle: "auto", steps: [10, 50, 100] },
      strategy: { gate: "start" },
    });
  });

  test("what cannot be is handed on as it was written, for the dry run to say so", () => {
    const shrinking = specWith({ gray: { ...FIRST_GRAY, steps: "50, 20" } });
    expect(shrinking).toMatchObject({ gray: { steps: [50, 20] } });
    expect(ReleaseOrderSpec.safeParse(shrinking).success).toBe(false);
  });
});
