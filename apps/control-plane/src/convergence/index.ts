import { CONVERGENCE, ConvergenceSpec } from "@evenkeel/contracts/convergence";
import { refuse } from "@evenkeel/contracts/error";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import type { PlacementWorld } from "../placement/plan/index.ts";
import { locksOfModules, planModules } from "./modules/plan.ts";
import { type ConvergenceWorld, locksOfConvergence, planConvergence } from "./plan.ts";
import { readConvergence, readModules } from "./read-world.ts";

export { convergenceFindings } from "./findings.ts";
export { startKeeper } from "./keeper.ts";
export { noteEnd } from "./note-end.ts";
export { recordMissed } from "./store.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ConvergenceSpec });

type World =
  | { readonly of: "revision"; readonly slots: ConvergenceWorld }
  | { readonly of: "modules"; readonly bases: PlacementWorld };

const convergence: ChangeKind<ConvergenceSpec, World> = {
  kind: CONVERGENCE,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async ({ of, ...spec }, tx, { tenantId }) =>
    of === "modules"
      ? { of, bases: await readModules(tx, { tenantId, workspace: spec.workspace }) }
      : { of, slots: await readConvergence(tx, { tenantId, ...spec }) },
  workspaceOf: (world) => (world.of === "modules" ? world.bases : world.slots).workspace.id,
  locks: (spec, world) =>
    world.of === "modules" ? locksOfModules(spec, world.bases) : locksOfConvergence(spec, world.slots),
  plan: (spec, world) => (world.of === "modules" ? planModules(spec, world.bases) : planConvergence(spec, world.slots)),
  // A host that stands between two revisions is not better off for the sake of a moment without it.
  review: () => null,
  inverse: ({ irreversible }) => refuse("NO_INVERSE", { problem: String(irreversible) }),
};

/** A host that missed a change gets what its service runs now, a base what its cluster wants; the steps are those of a slot, and of the placement. */
export const convergenceKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: convergence as unknown as ChangeKind,
  controlSteps: [],
};
