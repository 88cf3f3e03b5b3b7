import { refuse } from "@evenkeel/contracts/error";
import { REMOVAL_ORDER, RemovalOrderSpec } from "@evenkeel/contracts/removal-order";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { routesOf } from "../route/index.ts";
import { readSlots } from "../slot/index.ts";
import { locksOfRemoval, planRemoval, type RemovalWorld } from "./plan.ts";
import { removeService } from "./remove-step.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: RemovalOrderSpec });

const removalOrder: ChangeKind<RemovalOrderSpec, RemovalWorld> = {
  kind: REMOVAL_ORDER,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: async (spec, tx, { tenantId }) => {
    const slots = await readSlots(tx, { tenantId, ...spec });
    return { ...slots, routes: slots.service === null ? [] : await routesOf(tx, slots.service.id) };
  },
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfRemoval,
  plan: planRemoval,
  // To be without any instance is what it is for.
  review: () => null,
  inverse: ({ irreversible }) => refuse("NO_INVERSE", { problem: String(irreversible) }),
};

/** Takes a service away; its steps are those of a slot, and one that deletes what is left. */
export const removalOrderKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: removalOrder as unknown as ChangeKind,
  controlSteps: [removeService],
};
