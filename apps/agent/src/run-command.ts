import { isStopped } from "@evenkeel/agent-core/exit-point";
import { problemFrom } from "@evenkeel/agent-core/outcome";
import { CalledBack, type RunCommand, type RunContext } from "@evenkeel/agent-core/slot";
import { COMMAND_INPUTS, type Command, type CommandType, type Outcome } from "@evenkeel/contracts/agent-protocol";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { type AgentParts, CommandEnd, type Handler } from "./command.ts";
import { awaitHealth } from "./commands/await-health.ts";
import { fetchPackage } from "./commands/fetch-package.ts";
import {
  activateModule,
  clearBase,
  deactivateModule,
  installModule,
  publishModule,
  queryModules,
  splitBase,
  uninstallModule,
  unpublishModule,
} from "./commands/modules.ts";
import { noOp } from "./commands/no-op.ts";
import { runScript } from "./commands/run-script.ts";
import { stageRevision } from "./commands/stage-revision.ts";
import { startInstance } from "./commands/start-instance.ts";
import { stopInstance } from "./commands/stop-instance.ts";
import { unstageRevision } from "./commands/unstage-revision.ts";
import { freeBytes, isDiskFull } from "./disk.ts";

const HANDLERS: { readonly [Type in CommandType]: Handler<Type> } = {
  "fetch-package": fetchPackage,
  "stage-revision": stageRevision,
  "unstage-revision": unstageRevision,
  "start-instance": startInstance,
  "await-health": awaitHealth,
  "stop-instance": stopInstance,
  "run-script": runScript,
  "no-op": noOp,
  "install-module": installModule,
  "uninstall-module": uninstallModule,
  "activate-module": activateModule,
  "deactivate-module": deactivateModule,
  "publish-module": publishModule,
  "unpublish-module": unpublishModule,
  "clear-base": clearBase,
  "split-base": splitBase,
  "query-modules": queryModules,
};

/** Runs any command of the protocol to its outcome. */
export function commandRunner(parts: AgentParts): RunCommand {
  return async (command, context) => {
    const startedAt = performance.now();
    const outcome = await runParsed(parts, command, context);
    return { ...outcome, elapsedMs: context.elapsedMs + performance.now() - startedAt } as Outcome;
  };
}

async function runParsed(parts: AgentParts, command: Command, context: RunContext): Promise<WithoutTime> {
  const input = COMMAND_INPUTS[command.type].safeParse(command.input);
  if (!input.success) {
    const [issue] = input.error.issues;
    return {
      kind: "refused",
      problem: problemOf("INPUT_INVALID", { problem: `${issue?.path.join(".")}: ${issue?.message}` }),
    };
  }
  try {
    const handler = HANDLERS[command.type] as Handler<CommandType>;
    return { kind: "succeeded", ...(await handler(parts, { command, input: input.data, context })) };
  } catch (error) {
    if (isStopped(error) || error instanceof CalledBack) throw error;
    if (error instanceof CommandEnd) return error.outcome;
    const problem = isDiskFull(error) ? await diskFull(parts) : problemFrom(error);
    return { kind: context.signal.aborted ? "timed-out" : "failed", problem };
  }
}

/** A record or a small file found no room. */
async function diskFull({ workFolder }: AgentParts): Promise<Problem> {
  return problemOf("DISK_FULL", { freeBytes: await freeBytes(workFolder), neededBytes: SMALL_FILE_BYTES });
}

const SMALL_FILE_BYTES = 4096;

type WithoutTime = Outcome extends infer One ? (One extends Outcome ? Omit<One, "elapsedMs"> : never) : never;
