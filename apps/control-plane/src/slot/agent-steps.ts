import type { CommandInput, CommandType } from "@evenkeel/contracts/agent-protocol";
import type { AgentStep, Facts } from "../change/index.ts";

const SLOTLESS: readonly CommandType[] = ["fetch-package", "stage-revision", "unstage-revision"];

/** A step whose planned input is the command's, as it stands. */
function agentStep<Type extends CommandType>(
  type: Type,
  { read = () => ({}), omit = [] }: { readonly read?: (facts: Facts) => Facts; readonly omit?: readonly string[] } = {},
): AgentStep<Type> {
  return {
    type,
    slotless: SLOTLESS.includes(type),
    command: (input) => ({
      type,
      input: Object.fromEntries(Object.entries(input).filter(([name]) => !omit.includes(name))) as CommandInput<Type>,
    }),
    reading: ({ facts }) => read(facts),
  };
}

/** Where the instance listens is known once it was started. */
const whereItListens = ({ address, port, pid }: Facts): Facts => ({ address, port, pid });

/** What is asked of agents for a slot. */
export const agentSteps: readonly AgentStep[] = [
  agentStep("fetch-package"),
  agentStep("stage-revision"),
  agentStep("unstage-revision"),
  agentStep("start-instance", { read: whereItListens, omit: ["serviceId"] }),
  agentStep("await-health"),
  agentStep("stop-instance"),
  agentStep("run-script"),
] as readonly AgentStep[];
