import type { CommandInput, CommandType, Letter } from "@evenkeel/contracts/agent-protocol";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { instanceKey } from "@evenkeel/contracts/route-table";
import type { AgentStep, Facts } from "../change/index.ts";
import { readStanding } from "./store.ts";

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

/**
 * What takes requests is never stopped: whoever means to has led them elsewhere before. A plan may be older than the world – a change that
 * a restore has found half done –, and takes for an empty place what serves since.
 */
const notServing: AgentStep["objections"] = async (errands, tx) => {
  const asked = errands.flatMap(({ slot, hostId, input }) =>
    slot === null ? [] : [{ instance: instanceKey(slot, hostId, input.letter as Letter), hostId }],
  );
  const standing = new Map((await readStanding(tx, asked)).map((one) => [one.instance, one]));
  return errands.map(({ slot, hostId, input }): Problem | null => {
    const found = slot === null ? undefined : standing.get(instanceKey(slot, hostId, input.letter as Letter));
    if (found?.serves === true) return problemOf("INSTANCE_SERVES", { instance: found.instance });
    return found?.silent === true ? problemOf("HOST_SILENT", { host: found.host }) : null;
  });
};

/** What is asked of agents for a slot. */
export const agentSteps: readonly AgentStep[] = [
  agentStep("fetch-package"),
  agentStep("stage-revision"),
  agentStep("unstage-revision"),
  agentStep("start-instance", { read: whereItListens, omit: ["serviceId"] }),
  agentStep("await-health"),
  { ...agentStep("stop-instance"), objections: notServing },
  agentStep("run-script"),
] as readonly AgentStep[];
