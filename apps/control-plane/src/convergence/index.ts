import { CONVERGENCE, ConvergenceSpec } from "@evenkeel/contracts/convergence";
import { refuse } from "@evenkeel/contracts/error";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { type ConvergenceWorld, locksOfConvergence, planConvergence } from "./plan.ts";
import { readConvergence } from "./read-world.ts";

export { convergenceFindings } from "./findings.ts";
export { startKeeper } from "./keeper.ts";
export { noteEnd } from "./note-end.ts";
export { recordMissed } from "./store.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ConvergenceSpec });

const convergence: ChangeKind<ConvergenceSpec, ConvergenceWorld> = {
  kind: CONVERGENCE,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async (spec, tx, { tenantId }) => await readConvergence(tx, { tenantId, ...spec }),
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfConvergence,
  plan: planConvergence,
  // A host that stands between two revisions is not better off for the sake of a moment without it.
  review: () => null,
  inverse: ({ irreversible }) => refuse("NO_INVERSE", { problem: String(irreversible) }),
};

/** A host that missed a change gets what its service runs now; its steps are those of a slot. */
export const convergenceKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: convergence as unknown as ChangeKind,
  controlSteps: [],
};
