import type { RollbackSpeed } from "@evenkeel/contracts/change";
import type { RevisionId } from "@evenkeel/contracts/id";
import type { Strategy } from "@evenkeel/contracts/strategy";

/** What a person, guard or budget asked for. */
export interface RollbackDemand {
  readonly speed: RollbackSpeed;
  readonly strategy: Strategy | null;
  readonly toRevision: RevisionId | null;
  readonly reason: string;
  readonly by: string;
}

/** What a budget asks for: as fast as possible, to what ran before. */
export function automaticRollback(reason: string): RollbackDemand {
  return { speed: "fast", strategy: null, toRevision: null, reason, by: "evenkeel" };
}
