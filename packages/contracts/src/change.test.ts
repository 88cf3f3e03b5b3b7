import { expect, test } from "vitest";
import { VERB_BODIES } from "./change.ts";

test.each([
  ["declare-lost", { stepIds: [], reason: "gone" }, "name a step by its id, as `change show` lists it"],
  ["skip", { targetIds: [], traffic: "re-attach" }, "name a host"],
  ["confirm", { batchIds: [] }, "name a batch"],
  ["retry", { targetIds: [] }, "name a host"],
] as const)("%s of nothing says what it wants to hear", (verb, body, words) => {
  expect(VERB_BODIES[verb].safeParse(body).error?.issues[0]?.message).toBe(words);
});
