import { COMMAND_INPUTS, type CommandInput, type CommandType } from "@evenkeel/contracts/agent-protocol";
import type { AgentStep } from "../change/index.ts";

const TYPES = [
  "install-module",
  "uninstall-module",
  "activate-module",
  "deactivate-module",
  "publish-module",
  "unpublish-module",
  "clear-base",
  "split-base",
  "query-modules",
] as const satisfies readonly CommandType[];

/** What is asked of agents about the modules of a base. They name the base themselves: several changes work on one at a time, each on its modules. */
export const moduleSteps: readonly AgentStep[] = TYPES.map((type) => ({
  type,
  slotless: true,
  command: (input) => ({ type, input: COMMAND_INPUTS[type].parse(input) as CommandInput<typeof type> }),
  reading: () => ({}),
}));
