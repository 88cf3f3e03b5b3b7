import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { frameSteps } from "./frame-steps.ts";
import { inverseOfRelease } from "./inverse.ts";
import { locksOfRelease, planRelease } from "./plan.ts";
import { readWorld } from "./read-world.ts";
import { reviewRelease } from "./review.ts";
import type { OrderWorld } from "./world.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ReleaseOrderSpec });

const releaseOrder: ChangeKind<ReleaseOrderSpec, OrderWorld> = {
  kind: "release-order",
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: readWorld,
  workspaceOf: (world) => world.workspaceId,
  locks: locksOfRelease,
  plan: planRelease,
  review: reviewRelease,
  inverse: inverseOfRelease,
};

/** The first kind of change, and the steps that it brings. */
export const releaseOrderKind: {
  readonly kind: ChangeKind;
  readonly controlSteps: readonly ControlStep[];
} = {
  kind: releaseOrder as unknown as ChangeKind,
  controlSteps: frameSteps,
};
