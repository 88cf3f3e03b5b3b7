import { CalledBack } from "@evenkeel/agent-core/slot";
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
  try {
    return await startOnce(parts, call);
  } catch (error) {
    if (error instanceof CalledBack && call.context.resumed) wantNoMore(parts, call);
    throw error;
  }
};

/** An earlier agent had written that it shall run, and then never started it. */
function wantNoMore({ journal, instances }: AgentParts, { command, input }: StartCall): void {
  const desired = instances.desired(slotOf(command), input.letter);
  if (desired?.running === true && desired.revisionId === input.revisionId)
    journal.putDesired({ ...desired, running: false });
}

const startOnce: Handler<"start-instance"> = async (parts, call) => {
  const slot = slotOf(call.command);
  const { letter, revisionId } = call.input;
  const instance = parts.instances.get(slot, letter);
  const desired = parts.instances.desired(slot, letter);
  const wanted = desired?.running === true && desired.revisionId === revisionId;
  // Taken up after a kill: what this very command had started is no other's.
  if (wanted && instance.runs(revisionId)) return factsOf(instance, !call.context.resumed);

  await call.context.due();
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
  const { context, command } = call;
  await check(parts, call, place);
  const resumed = context.resumed ? `-${Date.now()}` : "";
  const intent = `${command.commandId}${resumed}`;
  const begin = async (): Promise<boolean> => {
    if (!(await context.begin())) return false;
    // killed here: nothing runs yet; this command is taken up, and asks whether it may start it
    parts.journal.putDesired({ slot, letter, revisionId: staged.revisionId, running: true, port });
    return true;
  };
  do await context.due();
  while (!(await instance.start({ staged, port, intent, begin })));
  // killed here: its record stands, the next agent adopts it
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
