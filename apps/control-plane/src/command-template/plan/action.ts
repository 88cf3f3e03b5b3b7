import type { CommandInput } from "@evenkeel/contracts/agent-protocol";
import type { PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { CommandTemplate, TemplateAction } from "@evenkeel/contracts/command-template";
import { ASK } from "../ask-script.ts";

/** Beyond its attempts: for the way there, and for an agent that comes back. */
const MARGIN_MS = 15_000;

/** An action that is run on the host; the others only say where a step of the release stands. */
export type RunAction = Exclude<TemplateAction, { step: unknown }>;

interface Placed {
  readonly template: CommandTemplate;
  readonly action: RunAction;
  readonly arguments: Readonly<Record<string, string>>;
  readonly target: PlannedTarget;
}

/** An action as a step of a target: a script with journal, output and exit code like every other. */
export function stepOf({ template, action, arguments: args, target }: Placed): PlannedStep {
  const { timeoutSeconds, retries, intervalSeconds, repeatable } = action;
  const { command, env } = commandOf(action);
  const start = target.steps.find(({ type }) => type === "start-instance");
  const input: CommandInput<"run-script"> = {
    revisionId: target.facts.toRevisionId as CommandInput<"run-script">["revisionId"],
    command,
    env: { ...args, ...env },
    ...(start === undefined ? {} : { letter: start.input.letter as "a" | "b" }),
    limits: { timeoutSeconds: longest(action, timeoutSeconds), retries, intervalSeconds },
  };
  const attemptsMs = (retries + 1) * longest(action, timeoutSeconds) * 1000 + retries * intervalSeconds * 1000;
  return {
    name: `${template.name}@${template.version}/${action.name}`,
    ...{ on: "agent", type: "run-script", input, timeoutMs: attemptsMs + MARGIN_MS, repeatable },
    ...{ retryFrom: null, traffic: null },
  };
}

/** Who waits is not too late because of it. */
const longest = (action: RunAction, timeoutSeconds: number): number =>
  "wait" in action ? Math.max(timeoutSeconds, action.wait + 5) : timeoutSeconds;

function commandOf(action: RunAction): Pick<CommandInput<"run-script">, "command" | "env"> {
  if ("command" in action) return { command: action.command, env: {} };
  if ("script" in action) return { command: ["/bin/sh", "-ec", action.script], env: {} };
  if ("wait" in action) return { command: ["sleep", String(action.wait)], env: {} };
  const { path, status } = action.ask;
  return { command: ["node", "-e", ASK], env: { ASK_PATH: path, ASK_STATUS: String(status) } };
}
