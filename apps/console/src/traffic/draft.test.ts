import { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { describe, expect, test } from "vitest";
import {
  type ConditionLine,
  conditionsOf,
  destinationsOf,
  draftOf,
  draftOfRule,
  FIRST_DRAFT,
  keyText,
  numberIn,
  problemsOf,
  stepsOf,
  TESTS,
  withConditions,
  withDestinations,
  withKey,
  withNumber,
  yamlOf,
} from "./draft.ts";

const DRAFT = { ...FIRST_DRAFT, name: "testers", service: "shop" };
const line = (news: Partial<ConditionLine>): ConditionLine => ({
  ...{ where: "header", name: "x-user", test: "exact", value: "ann", not: false },
  ...news,
});

describe("a rule in the editor", () => {
  test.each([
    ["a header that is", line({}), { header: "x-user", exact: "ann" }],
    ["one of", line({ test: "in", value: "ann, ben" }), { header: "x-user", in: ["ann", "ben"] }],
    ["a share", line({ where: "cookie", name: "uid", test: "percent", value: "5" }), { cookie: "uid", percent: 5 }],
    ["its presence", line({ test: "present", value: "" }), { header: "x-user", present: true }],
    [
      "not a path",
      line({ where: "path", name: "", test: "prefix", value: "/a", not: true }),
      {
        ...{ field: "path", prefix: "/a", not: true },
      },
    ],
  ])("a condition on %s comes into the rule and back into its line", (...[, written, condition]) => {
    const draft = withConditions(DRAFT, [written]);
    expect(draft.match).toEqual([condition]);
    expect(problemsOf(draft)).toEqual([]);
    const [shown] = conditionsOf(draft);
    expect(shown).toEqual({ ...written, value: written.test === "present" ? "" : written.value });
  });

  test("what the API makes of a rule is shown as it was written", () => {
    const rule = SetTrafficRule.parse(
      withConditions(
        DRAFT,
        TESTS.map((each) => line({ test: each, value: "5" })),
      ),
    );
    expect(conditionsOf(rule).map((shown) => shown.test)).toEqual([...TESTS]);
    const draft = draftOfRule({ ...rule, id: "rul_1", version: 3 });
    expect(draft.id).toBeUndefined();
    expect(problemsOf(draft)).toEqual([]);
  });

  test("destinations keep what the form has no field for, and a rule without any sends nobody", () => {
    const send = {
      to: [
        { to: { version: "2.0.0", cell: "blue" }, percent: 10 },
        { to: { hosts: ["h1", "h2"] }, percent: 60, lane: "gray" },
        { to: { baseCluster: "gray" }, percent: 30 },
      ],
    };
    const lines = destinationsOf({ ...DRAFT, send });
    expect(lines.map(({ place, value, percent, lane }) => [place, value, percent, lane])).toEqual([
      ["version", "2.0.0", 10, ""],
      ["hosts", "h1, h2", 60, "gray"],
      ["baseCluster", "gray", 30, ""],
    ]);
    expect(withDestinations({ ...DRAFT, send }, lines).send).toEqual(send);
    expect(withDestinations({ ...DRAFT, send }, []).send).toBeUndefined();
    expect(problemsOf(withDestinations(DRAFT, []))).toEqual([
      "does nothing; add send, mirror, fault, rateLimit or concurrency",
    ]);
  });

  test("users are known by what is typed", () => {
    const draft = withKey(DRAFT, "cookie uid, header x-user");
    expect(draft.send).toMatchObject({ key: [{ cookie: "uid" }, { header: "x-user" }] });
    expect(keyText(draft)).toBe("cookie uid, header x-user");
    expect(problemsOf(withKey(DRAFT, "nonsense"))).not.toEqual([]);
  });

  test("a limit comes with its part and goes with it", () => {
    const path = ["fault", "delay", "ms"];
    const draft = withNumber({ ...DRAFT, fault: { delay: { ms: 5, percent: 10 } } }, path, 200);
    expect(draft.fault).toEqual({ delay: { ms: 200, percent: 10 } });
    expect(numberIn(draft, path)).toBe(200);
    expect(withNumber(draft, path, null).fault).toBeUndefined();
    expect(numberIn(DRAFT, path)).toBeNull();
  });

  test("its text is the same rule; what is no mapping is refused", () => {
    expect(draftOf(yamlOf(DRAFT))).toEqual(DRAFT);
    expect(() => draftOf("- a\n- b")).toThrow();
    expect(() => draftOf("name: [")).toThrow();
    expect(() => draftOf("")).toThrow();
  });

  test.each([
    ["", []],
    ["1, 5,20 %", [1, 5, 20]],
    ["a", null],
    ["5, 101", null],
  ])("steps are typed as %j", (typed, steps) => {
    expect(stepsOf(typed)).toEqual(steps);
  });
});
