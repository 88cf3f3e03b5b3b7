import { refuse } from "@evenkeel/contracts/error";
import { HostOperationSpec } from "@evenkeel/contracts/host-operation";
import { z } from "zod";
import type { AgentStep, ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { IRREVERSIBLE, locksOfHostOperation, planHostOperation } from "./plan.ts";
import { readWorld } from "./read-world.ts";
import type { World } from "./world.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: HostOperationSpec });

const hostOperation: ChangeKind<HostOperationSpec, World> = {
  kind: "host-operation",
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: readWorld,
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfHostOperation,
  plan: planHostOperation,
  review: () => null,
  inverse: () => refuse("NO_INVERSE", { problem: IRREVERSIBLE }),
};

const noOp: AgentStep<"no-op"> = {
  type: "no-op",
  slotless: true,
  command: () => ({ type: "no-op", input: {} }),
  reading: () => ({}),
};

/** What is done to hosts themselves, and the steps that it brings. */
export const hostOperationKind: {
  readonly kind: ChangeKind;
  readonly controlSteps: readonly ControlStep[];
  readonly agentSteps: readonly AgentStep[];
} = {
  kind: hostOperation as unknown as ChangeKind,
  controlSteps: [],
  agentSteps: [noOp as unknown as AgentStep],
};
