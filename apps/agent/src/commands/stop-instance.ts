import { access } from "node:fs/promises";
import { beginWhenDue } from "@evenkeel/agent-core/slot";
import { type AgentParts, type Call, type Handler, slotOf } from "../command.ts";
import type { Instance } from "../instance.ts";
import { stopInstance as stop } from "../stop.ts";

/** Ends an instance and everything that came of it. */
export const stopInstance: Handler<"stop-instance"> = async (parts, call) => {
  const slot = slotOf(call.command);
  const { letter, stopMs } = call.input;
  const instance = parts.instances.get(slot, letter);
  await beginWhenDue(call.context);
  const desired = parts.instances.desired(slot, letter);
  if (desired?.running === true) parts.journal.putDesired({ ...desired, running: false });
  // killed here: it shall not run, and this command is taken up and ends it
  const how = await stop(instance, { stopMs, script: await findScript(parts, call, instance) });
  return { facts: { how } };
};

async function findScript(parts: AgentParts, { command }: Call<"stop-instance">, instance: Instance) {
  const { launched, life } = instance;
  const name = launched?.staged.buildpack.lifecycle.stop;
  if (launched === null || name === undefined || life === null) return null;
  const { staged, port } = launched;
  const path = parts.revisions.scriptPath(staged, name);
  // Deleted with its package: TERM and KILL need nobody's help.
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return null;
  const appFolder = parts.revisions.appFolder(instance.slot, staged.revisionId);
  return async (signal: AbortSignal): Promise<boolean> => {
    const end = await parts.scripts.run(
      {
        id: `${command.commandId}-stop`,
        command: [path],
        workFolder: "/",
        env: {
          ...staged.configuration.env,
          HOST: instance.address,
          PORT: String(port),
          PID: String(life.record.pid),
          APP_DIR: appFolder,
          REVISION: staged.revisionId,
        },
      },
      { signal, termMs: 0 },
    );
    return end.kind === "ended" && end.exitCode === 0;
  };
}
