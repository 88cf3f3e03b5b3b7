import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { z } from "zod";
import type { ChangeKind } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import type { ObjectStore } from "../object-store/index.ts";
import { frameSteps } from "./frame-steps.ts";
import { inverseOfRelease } from "./inverse.ts";
import { locksOfRelease, planRelease } from "./plan.ts";
import { readWorld } from "./read-world.ts";
import { reviewRelease } from "./review.ts";
import type { OrderWorld } from "./world.ts";

export const RELEASE_ORDER = "release-order";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: ReleaseOrderSpec });

const releaseOrder = (objects: Pick<ObjectStore, "size">): ChangeKind<ReleaseOrderSpec, OrderWorld> => ({
  kind: RELEASE_ORDER,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: (spec, tx, { tenantId }) => readWorld(objects, { spec, tx, tenantId }),
  workspaceOf: (world) => world.workspaceId,
  locks: locksOfRelease,
  plan: planRelease,
  review: reviewRelease,
  inverse: inverseOfRelease,
});

/** The first kind of change, and the steps that it brings. */
export const releaseOrderKind = (objects: Pick<ObjectStore, "size">) => ({
  kind: releaseOrder(objects) as unknown as ChangeKind,
  controlSteps: frameSteps,
});
