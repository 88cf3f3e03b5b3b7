import { type AgentConnections, commandPort } from "./agent-link/index.ts";
import type { ChangeDeps, ExitPoint, KindRegistry } from "./change/index.ts";
import { convergenceKind, noteEnd } from "./convergence/index.ts";
import { governance } from "./governance/index.ts";
import type { Ground } from "./ground.ts";
import { hostOperationKind } from "./host-operation/index.ts";
import { operationOrderKind } from "./operation-order/index.ts";
import { releaseOrderKind } from "./release-order/index.ts";
import { measurements } from "./sample/index.ts";
import { scaleOrderKind } from "./scale-order/index.ts";
import { agentSteps, trafficSteps } from "./slot/index.ts";

/** Every kind of change there is; a new one is a line here and a folder of its own. */
const KINDS = [releaseOrderKind, operationOrderKind, scaleOrderKind, hostOperationKind, convergenceKind];

const registry: KindRegistry = {
  kinds: new Map(KINDS.map(({ kind }) => [kind.kind, kind])),
  controlSteps: new Map(
    [...trafficSteps, ...KINDS.flatMap(({ controlSteps }) => controlSteps)].map((step) => [step.type, step]),
  ),
  agentSteps: new Map([...agentSteps, ...hostOperationKind.agentSteps].map((step) => [step.type, step])),
};

/** The name of every kind of change. */
export const KIND_NAMES: ReadonlySet<string> = new Set(registry.kinds.keys());

/** What the kernel stands on, with all kinds. */
export function kernelDeps(ground: Ground, connections: AgentConnections, at: (point: ExitPoint) => void): ChangeDeps {
  const { db, listener, lease, clock, log } = ground;
  const commands = commandPort(connections);
  return {
    db,
    listener,
    lease,
    clock,
    log,
    commands,
    measurements,
    checkHosts: ground.config.checkHosts,
    registry,
    governance,
    onEnded: [noteEnd(commands)],
    at,
  };
}
