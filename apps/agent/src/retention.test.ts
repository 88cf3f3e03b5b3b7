import { newId, RevisionId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { revisionsToRemove } from "./retention.ts";
import type { StagedRevision } from "./revision-store.ts";

function staged(count: number): StagedRevision[] {
  return Array.from({ length: count }, (_, at) => ({
    revisionId: newId(RevisionId, "rev"),
    stagedAt: new Date(at * 1000).toISOString(),
  })) as StagedRevision[];
}

test("the running revision and the last good one stay however old they are, and the five newest of the rest", () => {
  const all = staged(10);
  const [first, second, ...rest] = all;
  if (first === undefined || second === undefined) throw new Error("there are ten");
  const gone = revisionsToRemove(all, new Set([first.revisionId, second.revisionId]));
  expect(new Set(gone)).toEqual(new Set(rest.slice(0, 3)));
});
