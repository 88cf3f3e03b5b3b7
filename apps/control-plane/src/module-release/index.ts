import { MODULE_RELEASE, ModuleReleaseSpec } from "@evenkeel/contracts/module-release";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { readPlacement } from "../placement/index.ts";
import { keysIn, type PlacementWorld } from "../placement/plan/index.ts";
import { inverseOfModuleRelease } from "./inverse.ts";
import { locksOfModuleRelease, planModuleRelease } from "./plan.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ModuleReleaseSpec });

const moduleRelease: ChangeKind<ModuleReleaseSpec, PlacementWorld> = {
  kind: MODULE_RELEASE,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async (spec, tx, { tenantId }) => {
    const modules = "modules" in spec ? spec.modules : keysIn(spec.targets);
    return await readPlacement(tx, { tenantId, workspace: spec.workspace, modules, moving: () => false });
  },
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfModuleRelease,
  plan: planModuleRelease,
  review: () => null,
  inverse: inverseOfModuleRelease,
};

/** Brings versions of modules onto bases; its steps are those of the placement. */
export const moduleReleaseKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: moduleRelease as unknown as ChangeKind,
  controlSteps: [],
};
