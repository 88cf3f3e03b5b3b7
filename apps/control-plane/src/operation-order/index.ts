import { OPERATION_ORDER, OperationOrderSpec } from "@evenkeel/contracts/operation-order";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { readSlots } from "../slot/index.ts";
import type { SlotWorld } from "../slot/plan/index.ts";
import { inverseOfOperation } from "./inverse.ts";
import { locksOfOperation, planOperation, reviewOperation } from "./plan.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: OperationOrderSpec });

const operationOrder: ChangeKind<OperationOrderSpec, SlotWorld> = {
  kind: OPERATION_ORDER,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async (spec, tx, { tenantId }) => {
    const named = "targets" in spec ? spec.targets.map(({ revisionId }) => revisionId) : [];
    return await readSlots(tx, { tenantId, ...spec }, named);
  },
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfOperation,
  plan: planOperation,
  review: reviewOperation,
  inverse: inverseOfOperation,
};

/** Restart, online and offline; its steps are those of a slot. */
export const operationOrderKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: operationOrder as unknown as ChangeKind,
  controlSteps: [],
};
