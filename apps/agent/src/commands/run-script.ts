import { say } from "@evenkeel/contracts/phrase";
import { bootId } from "@evenkeel/kit/process-identity";
import { type AgentParts, type Call, CommandEnd, describeExit, type Handler, slotOf } from "../command.ts";
import { tryScript } from "../lifecycle.ts";
import { assertNoCarriageReturn } from "../revision-store.ts";

type ScriptCall = Call<"run-script">;

/** Runs one script once; its end is told by whichever agent lives then. */
export const runScript: Handler<"run-script"> = async (parts, call) => {
  const { command, input, context } = call;
  const [program = "", ...rest] = input.command;
  const workFolder = await findFolder(parts, call);
  if (!context.resumed) await assertNoCarriageReturn(input.command.join(" "), workFolder);
  await assertSameBoot(parts, call);
  const env = {
    ...placeOf(parts, call),
    ...input.env,
    APP_DIR: workFolder,
    ...(input.revisionId === null ? {} : { REVISION: input.revisionId }),
  };
  const shown = input.command.join(" ").slice(0, 200);
  const script = { id: command.commandId, command: [program, ...rest] as const, workFolder, env };
  const limits = input.limits ?? { retries: 0, intervalSeconds: 0 };
  const end = await tryScript(parts, { context, script, limits, shown: "the script", begins: true });
  const { output } = end;
  switch (end.kind) {
    case "timed-out":
      throw new CommandEnd(
        "SCRIPT_TIMEOUT",
        { command: shown, seconds: limits.timeoutSeconds ?? command.deadlineMs / 1000 },
        { kind: "timed-out", output },
      );
    case "lost":
      throw new CommandEnd(
        "STEP_INTERRUPTED",
        { problem: say("why.cut-off", { step: shown }) },
        { kind: "interrupted", output },
      );
    case "ended":
      if (end.exitCode === 0) return { facts: { exitCode: 0 }, output, exitCode: 0 };
      throw new CommandEnd(
        "SCRIPT_FAILED",
        { command: shown, exit: describeExit(end.exitCode) },
        { output, exitCode: end.exitCode },
      );
  }
};

/** What the instance in that letter has in its environment, as far as a script beside it may need it. */
function placeOf({ instances }: AgentParts, { command, input }: ScriptCall): Record<string, string> {
  if (input.letter === undefined) return {};
  const instance = instances.get(slotOf(command), input.letter);
  const { launched, address } = instance;
  if (launched === null || launched.staged.revisionId !== input.revisionId) return { HOST: address };
  return { ...launched.staged.configuration.env, HOST: address, PORT: String(launched.port) };
}

async function findFolder({ revisions, workFolder }: AgentParts, { command, input }: ScriptCall): Promise<string> {
  if (input.revisionId === null) return workFolder;
  const found = (await revisions.list()).find(({ revisionId }) => revisionId === input.revisionId);
  if (found !== undefined) return revisions.appFolder(found.serviceId, found.revisionId);
  throw new CommandEnd("REVISION_NOT_STAGED", { revisionId: input.revisionId, commandId: command.commandId });
}

/** After a reboot nobody knows how far it came, unless it had ended before: then its exit code is there. */
async function assertSameBoot({ journal, scripts }: AgentParts, { command, context }: ScriptCall): Promise<void> {
  if (!context.resumed || journal.find(command.commandId)?.startedAt?.bootId === bootId()) return;
  if (await scripts.hasEnded(command.commandId)) return;
  throw new CommandEnd("HOST_RESTARTED", { host: "of this agent" }, { kind: "interrupted" });
}
