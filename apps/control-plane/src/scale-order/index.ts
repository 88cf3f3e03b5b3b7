import { SCALE_ORDER, ScaleOrderSpec } from "@evenkeel/contracts/scale-order";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { inverseOfScale } from "./inverse.ts";
import { locksOfScale, planScale } from "./plan.ts";
import { readScale } from "./read-world.ts";
import { settleTargets } from "./settle-step.ts";
import type { ScaleWorld } from "./world.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ScaleOrderSpec });

const scaleOrder: ChangeKind<ScaleOrderSpec, ScaleWorld> = {
  kind: SCALE_ORDER,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async (spec, tx, { tenantId }) => await readScale(spec, tx, tenantId),
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfScale,
  plan: planScale,
  review: () => null,
  inverse: inverseOfScale,
};

/** More hosts for a service, or fewer; its steps are those of a slot, and one that makes the hosts the service's own. */
export const scaleOrderKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: scaleOrder as unknown as ChangeKind,
  controlSteps: [settleTargets],
};
