import type { Letter } from "@evenkeel/contracts/agent-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import { type AgentParts, type Call, type Done, type Handler, slotOf } from "../command.ts";
import { assertSpace } from "../disk.ts";
import type { Instance } from "../instance.ts";
import { runAction } from "../lifecycle.ts";
import { assertFree, isFree } from "../ports.ts";
import type { StagedRevision } from "../revision-store.ts";

/** Room for the records of a start and the first words of the application. */
const FIRST_BYTES = 1024 ** 2;

type StartCall = Call<"start-instance">;

/** Starts an instance in a letter of the slot, unless that revision lives there already. */
export const startInstance: Handler<"start-instance"> = async (parts, call) => {
  const slot = slotOf(call.command);
  const { letter, revisionId } = call.input;
  const instance = parts.instances.get(slot, letter);
  const desired = parts.instances.desired(slot, letter);
  const wanted = desired?.running === true && desired.revisionId === revisionId;
  // Taken up after a kill: what this very command had started is no other's.
  if (wanted && instance.runs(revisionId)) return factsOf(instance, !call.context.resumed);

  await assertSpace(parts.workFolder, FIRST_BYTES);
  const staged = await parts.revisions.get(slot, revisionId);
  const start = (port: number): Promise<Done> => bringUp(parts, call, { slot, letter, instance, staged, port });
  await instance.clear();
  const { port } = staged.configuration;
  if (port === "auto") {
    const again = wanted && desired !== undefined && (await isFree(desired.port));
    return again ? await start(desired.port) : await parts.instances.withPort(start);
  }
  await assertFree(instance.address, port);
  return await start(port);
};

interface Place {
  readonly slot: ServiceId;
  readonly letter: Letter;
  readonly instance: Instance;
  readonly staged: StagedRevision;
  readonly port: number;
}

async function bringUp(parts: AgentParts, call: StartCall, place: Place): Promise<Done> {
  const { slot, letter, instance, staged, port } = place;
  await check(parts, call, place);
  parts.journal.putDesired({ slot, letter, revisionId: staged.revisionId, running: true, port });
  // killed here: nothing runs yet; this command is taken up and starts it
  const resumed = call.context.resumed ? `-${Date.now()}` : "";
  await instance.start({ staged, port, intent: `${call.command.commandId}${resumed}` });
  return factsOf(instance, false);
}

function factsOf(instance: Instance, reused: boolean): Done {
  const report = instance.report();
  return { facts: { port: report?.port, address: instance.address, pid: report?.pid, reused } };
}

async function check(parts: AgentParts, call: StartCall, { staged, slot, port, instance }: Place): Promise<void> {
  const appFolder = parts.revisions.appFolder(slot, staged.revisionId);
  await runAction(parts, call, {
    name: "check",
    buildpack: staged.buildpack,
    pathOf: (script) => parts.revisions.scriptPath(staged, script),
    workFolder: appFolder,
    env: {
      ...staged.configuration.env,
      HOST: instance.address,
      PORT: String(port),
      APP_DIR: appFolder,
      REVISION: staged.revisionId,
    },
  });
}
