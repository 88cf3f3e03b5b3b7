import { PlatformError } from "@evenkeel/contracts/error";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { AgentStep, ChangeKind, ControlStep } from "../change/index.ts";
import { agentSteps } from "./agent-steps.ts";
import { frameSteps } from "./frame-steps.ts";
import { inverseOfRelease } from "./inverse.ts";
import { locksOfRelease, planRelease, reviewRelease } from "./plan.ts";
import { readWorld } from "./read-world.ts";
import { trafficSteps } from "./traffic-steps.ts";
import type { World } from "./world.ts";

const releaseOrder: ChangeKind<ReleaseOrderSpec, World> = {
  kind: "release-order",
  parse(spec) {
    const parsed = ReleaseOrderSpec.safeParse(spec);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const field = ["spec", ...(issue?.path ?? [])].join(".");
    throw new PlatformError("INPUT_INVALID", { field, problem: `${field}: ${issue?.message ?? "not valid"}` });
  },
  read: readWorld,
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfRelease,
  plan: planRelease,
  review: reviewRelease,
  inverse: inverseOfRelease,
};

/** The first kind of change, and the steps that it brings. */
export const releaseOrderKind: {
  readonly kind: ChangeKind;
  readonly controlSteps: readonly ControlStep[];
  readonly agentSteps: readonly AgentStep[];
} = {
  kind: releaseOrder as unknown as ChangeKind,
  controlSteps: [...frameSteps, ...trafficSteps],
  agentSteps,
};
