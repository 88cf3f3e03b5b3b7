import { sampleBatch, sampleTarget } from "@evenkeel/client/text/sample-change";
import type { PlatformError } from "@evenkeel/contracts/error";
import { expect, test } from "vitest";
import { arrange, type Edits } from "./arrange.ts";

const batch = (name: string, ...hosts: string[]) => ({
  ...sampleBatch(
    name,
    "pending",
    hosts.map((host) => sampleTarget(host, "pending")),
  ),
  batchId: `shop/${name}`,
});
const GROUPS = [
  { groupId: "shop", batches: [batch("beta", "h1"), batch("zone a", "h2", "h3"), batch("zone b", "h4", "h5", "h6")] },
];

const arranged = (edits: Edits, groups = GROUPS) =>
  arrange(groups, edits).flatMap(({ batches }) =>
    batches.map(({ name, targetIds }) => `${name}: ${targetIds.join(" ")}`),
  );

test.each<[Edits, string[]]>([
  [{ merge: ["zone a,zone b"] }, ["beta: h1", "zone a: h2 h3 h4 h5 h6"]],
  [{ merge: ["1,3"] }, ["beta: h1 h4 h5 h6", "zone a: h2 h3"]],
  [{ split: ["zone b:2"] }, ["beta: h1", "zone a: h2 h3", "zone b (1): h4", "zone b (2): h5 h6"]],
  [{ split: ["zone b:h6"] }, ["beta: h1", "zone a: h2 h3", "zone b (1): h6", "zone b (2): h4 h5"]],
  [{ move: ["h4:beta"] }, ["beta: h1 h4", "zone a: h2 h3", "zone b: h5 h6"]],
  [{ move: ["h1,h4:zone a"] }, ["zone a: h2 h3 h1 h4", "zone b: h5 h6"]],
  [
    { merge: ["beta,zone a"], split: ["beta:h3"], move: ["h6:beta (1)"] },
    ["beta (1): h3 h6", "beta (2): h1 h2", "zone b: h4 h5"],
  ],
])("%j gives %j", (edits, expected) => {
  expect(arranged(edits)).toEqual(expected);
});

test.each<[Edits, string]>([
  [{ merge: ["zone a"] }, "INPUT_INVALID"],
  [{ merge: ["zone a,zone x"] }, "BATCH_UNKNOWN"],
  [{ split: ["zone b"] }, "INPUT_INVALID"],
  [{ split: ["zone b:4"] }, "INPUT_INVALID"],
  [{ split: ["zone b:0"] }, "INPUT_INVALID"],
  [{ split: ["zone b:h1"] }, "TARGET_UNKNOWN"],
  [{ split: ["beta:h1"] }, "INPUT_INVALID"],
  [{ move: ["h9:beta"] }, "TARGET_UNKNOWN"],
  [{ move: ["h2"] }, "INPUT_INVALID"],
  [{ move: ["h2:7"] }, "BATCH_UNKNOWN"],
])("%j is refused with %s", (edits, code) => {
  expect(() => arranged(edits)).toThrow(expect.objectContaining({ code }) as PlatformError);
});

test("a name that two groups have is not guessed, and batches of two groups are not merged", () => {
  const other = { groupId: "pay", batches: [{ ...batch("beta", "p1"), batchId: "pay/beta" }] };
  const both = [...GROUPS, other];
  expect(() => arranged({ move: ["h2:beta"] }, both)).toThrow(
    expect.objectContaining({ code: "NAME_AMBIGUOUS" }) as PlatformError,
  );
  expect(() => arranged({ merge: ["shop/beta,pay/beta"] }, both)).toThrow(/different groups/);
  expect(arranged({ move: ["h2:shop/beta"] }, both)).toContain("beta: h1 h2");
});
