import { type AgentConnections, commandPort } from "./agent-link/index.ts";
import type { ChangeDeps, ExitPoint, KindRegistry } from "./change/index.ts";
import { convergenceKind, noteEnd } from "./convergence/index.ts";
import { governance } from "./governance/index.ts";
import type { Ground } from "./ground.ts";
import { hostOperationKind } from "./host-operation/index.ts";
import { moduleOperationKind } from "./module-operation/index.ts";
import { moduleReleaseKind } from "./module-release/index.ts";
import { operationOrderKind } from "./operation-order/index.ts";
import { RELEASE_ORDER, releaseOrderKind } from "./release-order/index.ts";
import { removalOrderKind } from "./removal-order/index.ts";
import { routeChangeKind } from "./route-change/index.ts";
import { measurements } from "./sample/index.ts";
import { scaleOrderKind } from "./scale-order/index.ts";
import { agentSteps, trafficSteps } from "./slot/index.ts";

/** Every kind of change there is; a new one is a line here and a folder of its own. */
const STANDING = [
  operationOrderKind,
  scaleOrderKind,
  removalOrderKind,
  hostOperationKind,
  convergenceKind,
  routeChangeKind,
  moduleReleaseKind,
  moduleOperationKind,
];
const kindsOf = (objects: Ground["objects"]) => [releaseOrderKind(objects), ...STANDING];

/** The name of every kind of change. */
export const KIND_NAMES: ReadonlySet<string> = new Set([RELEASE_ORDER, ...STANDING.map(({ kind }) => kind.kind)]);

function registryOf(objects: Ground["objects"]): KindRegistry {
  const kinds = kindsOf(objects);
  return {
    kinds: new Map(kinds.map(({ kind }) => [kind.kind, kind])),
    controlSteps: new Map(
      [...trafficSteps, ...kinds.flatMap(({ controlSteps }) => controlSteps)].map((step) => [step.type, step]),
    ),
    agentSteps: new Map(
      [...agentSteps, ...hostOperationKind.agentSteps, ...moduleOperationKind.agentSteps].map((step) => [
        step.type,
        step,
      ]),
    ),
  };
}

/** What the kernel stands on, with all kinds. */
export function kernelDeps(ground: Ground, connections: AgentConnections, at: (point: ExitPoint) => void): ChangeDeps {
  const { db, listener, lease, clock, log, objects } = ground;
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
    registry: registryOf(objects),
    governance,
    onEnded: [noteEnd(commands)],
    at,
  };
}
