import { setTimeout as sleep } from "node:timers/promises";
import type { BuildpackDefinition, ScriptLimits } from "@evenkeel/contracts/buildpack";
import { say } from "@evenkeel/contracts/phrase";
import { type AgentParts, type Call, CommandEnd, describeExit } from "./command.ts";
import type { Script, ScriptEnd } from "./script.ts";

interface Action {
  readonly name: "setup" | "check";
  readonly buildpack: BuildpackDefinition;
  /** Where the script of that name stands on this host. */
  pathOf(script: string): string;
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
}

const limitsOf = ({ limits }: BuildpackDefinition, name: Action["name"]): ScriptLimits =>
  limits?.[name] ?? { retries: 0, intervalSeconds: 0 };

/** Ends with the step, or when the time of one attempt is over. */
const ofAttempt = (step: AbortSignal, timeoutSeconds: number | undefined): AbortSignal =>
  timeoutSeconds === undefined ? step : AbortSignal.any([step, AbortSignal.timeout(timeoutSeconds * 1000)]);

/**
 * Runs a script of the buildpack as often as its limits say, until it ends with 0.
 * An agent that takes the command up asks for the same attempts again: those that have ended answer with what they ended with.
 */
export async function runAction(
  parts: Pick<AgentParts, "scripts">,
  { command, context }: Pick<Call<"stage-revision" | "start-instance">, "command" | "context">,
  { name, buildpack, pathOf, workFolder, env }: Action,
): Promise<void> {
  const script = buildpack.lifecycle[name];
  if (script === undefined) return;
  const limits = limitsOf(buildpack, name);
  const tried = { id: `${command.commandId}-${name}`, command: [pathOf(script)] as const, workFolder, env };
  const end = await tryScript(parts, { context, script: tried, limits, shown: script });
  if (end.kind === "ended" && end.exitCode === 0) return;
  throw lossOf(end, { script, seconds: limits.timeoutSeconds ?? command.deadlineMs / 1000 });
}

interface Trial {
  readonly context: Call<"run-script">["context"];
  /** Its id is that of the first attempt; the others count on from it. */
  readonly script: Script;
  readonly limits: ScriptLimits;
  readonly shown: string;
  /** The script is the effect of the command, which begins with it. */
  readonly begins?: boolean;
}

function idOf(id: string, attempt: number): string {
  if (attempt === 1) return id;
  return id.includes("-") ? `${id}${attempt}` : `${id}-again${attempt}`;
}

/** Runs a script as often as its limits say; answers how the last attempt ended. */
export async function tryScript({ scripts }: Pick<AgentParts, "scripts">, trial: Trial): Promise<ScriptEnd> {
  const { context, script, limits, shown, begins = false } = trial;
  const { timeoutSeconds, retries, intervalSeconds } = limits;
  for (let attempt = 1; ; attempt += 1) {
    const end = await scripts.run(
      { ...script, id: idOf(script.id, attempt) },
      {
        signal: ofAttempt(context.signal, timeoutSeconds),
        onOutput: context.output,
        ...(begins && { start: context }),
      },
    );
    if (end.kind === "ended" && end.exitCode === 0) return end;
    if (attempt > retries || end.kind === "lost" || context.signal.aborted) return end;
    context.output?.(`\n${shown}: attempt ${attempt + 1} of ${retries + 1} in ${intervalSeconds} s\n`);
    // The deadline of the step ends the wait, and the next attempt at once.
    await sleep(intervalSeconds * 1000, undefined, { signal: context.signal }).catch(() => undefined);
  }
}

function lossOf(
  end: ScriptEnd,
  { script, seconds }: { readonly script: string; readonly seconds: number },
): CommandEnd {
  const { output } = end;
  switch (end.kind) {
    case "timed-out":
      return new CommandEnd("SCRIPT_TIMEOUT", { command: script, seconds }, { kind: "timed-out", output });
    case "lost":
      return new CommandEnd(
        "STEP_INTERRUPTED",
        { problem: say("why.cut-off", { step: script }) },
        { kind: "interrupted", output },
      );
    case "ended":
      return new CommandEnd(
        "SCRIPT_FAILED",
        { command: script, exit: describeExit(end.exitCode) },
        { output, exitCode: end.exitCode },
      );
    default:
      return end satisfies never;
  }
}
