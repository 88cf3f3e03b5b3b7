import { MODULE_OPERATION, ModuleOperationSpec } from "@evenkeel/contracts/module-operation";
import { z } from "zod";
import type { AgentStep, ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { moduleSteps, placementSteps, readPlacement } from "../placement/index.ts";
import { keysIn, type PlacementWorld } from "../placement/plan/index.ts";
import { inverseOfModuleOperation } from "./inverse.ts";
import { locksOfModuleOperation, planModuleOperation } from "./plan.ts";
import { mayMove } from "./scale.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ModuleOperationSpec });

const moduleOperation: ChangeKind<ModuleOperationSpec, PlacementWorld> = {
  kind: MODULE_OPERATION,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async (spec, tx, { tenantId }) =>
    await readPlacement(tx, {
      tenantId,
      workspace: spec.workspace,
      modules: spec.operation === "restore" ? keysIn(spec.targets) : [],
      moving: (base) => mayMove(spec, base),
    }),
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfModuleOperation,
  plan: planModuleOperation,
  review: () => null,
  inverse: inverseOfModuleOperation,
};

/** What is done with modules where they stand, and with bases; the steps of the placement come with it. */
export const moduleOperationKind: {
  readonly kind: ChangeKind;
  readonly controlSteps: readonly ControlStep[];
  readonly agentSteps: readonly AgentStep[];
} = {
  kind: moduleOperation as unknown as ChangeKind,
  controlSteps: placementSteps,
  agentSteps: moduleSteps,
};
