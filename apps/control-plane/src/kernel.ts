import { enqueueCommands, forgetChange, onlineHosts, revokeCommands } from "./agent-link/index.ts";
import type { ChangeDeps, CommandPort, ExitPoint, KindRegistry } from "./change/index.ts";
import type { Ground } from "./ground.ts";
import { hostOperationKind } from "./host-operation/index.ts";
import { operationOrderKind } from "./operation-order/index.ts";
import { releaseOrderKind } from "./release-order/index.ts";
import { measurements } from "./sample/index.ts";
import { agentSteps, trafficSteps } from "./slot/index.ts";

/** Every kind of change there is; a new one is a line here and a folder of its own. */
const KINDS = [releaseOrderKind, operationOrderKind, hostOperationKind];

const registry: KindRegistry = {
  kinds: new Map(KINDS.map(({ kind }) => [kind.kind, kind])),
  controlSteps: new Map(
    [...trafficSteps, ...KINDS.flatMap(({ controlSteps }) => controlSteps)].map((step) => [step.type, step]),
  ),
  agentSteps: new Map([...agentSteps, ...hostOperationKind.agentSteps].map((step) => [step.type, step])),
};

/** Commands go through the outbox, in the transaction of the step. */
export const outbox: CommandPort = {
  enqueue: enqueueCommands,
  revoke: revokeCommands,
  forget: forgetChange,
  online: onlineHosts,
};

/** What the kernel stands on, with all kinds. */
export function kernelDeps(ground: Ground, at: (point: ExitPoint) => void): ChangeDeps {
  const { db, listener, lease, clock, log } = ground;
  return { db, listener, lease, clock, log, commands: outbox, measurements, registry, onEnded: [], at };
}
