import type { ChangeSummary } from "@evenkeel/contracts/change";
import { expect, test } from "vitest";
import { permittedSummary } from "./permitted.ts";

const shown = { allowedActions: ["pause", "rollback", "close"] } as const;
const offered = (...may: string[]) =>
  permittedSummary({ ...shown, allowedActions: [...shown.allowedActions] } as unknown as ChangeSummary, { may })
    .allowedActions;

test("a caller is offered only the verbs that he has permission for", () => {
  expect(offered("change:read")).toEqual([]);
  expect(offered("change:pause", "change:read")).toEqual(["pause"]);
  expect(offered("*:*")).toEqual(["pause", "rollback", "close"]);
});
