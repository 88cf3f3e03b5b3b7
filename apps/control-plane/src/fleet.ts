import { AGENT_LINK_PATH } from "@evenkeel/contracts/agent-protocol";
import { API_PREFIX } from "@evenkeel/contracts/api";
import { GATEWAY_LINK_PATH } from "@evenkeel/contracts/gateway-protocol";
import { gather } from "@evenkeel/kit/gather";
import {
  type AgentConnections,
  AgentLinks,
  type AgentListener,
  FORWARDED_HEADER,
  logReader,
} from "./agent-link/index.ts";
import { WindowRecorder } from "./base-window/index.ts";
import { keySeal } from "./certificate/index.ts";
import { findGatewayByCredential, gatewayFindings, gatewayHandlers } from "./gateway/index.ts";
import { GatewayLinks } from "./gateway-link/index.ts";
import type { Ground } from "./ground.ts";
import { findHostsByCredential, type HostDeps, hostFindings, hostHandlers, type RefuseLocked } from "./host/index.ts";
import type { HostCaller, UpgradeHandler } from "./http/index.ts";
import { secretDigest } from "./principal/index.ts";
import { routeHandlers } from "./route/index.ts";
import { SampleRecorder, sampleHandlers, UsageRecorder } from "./sample/index.ts";
import { instanceFindings, type ServiceDeps, serviceHandlers } from "./service/index.ts";
import type { FindingSource } from "./system/index.ts";

/** What the fleet needs of the kernel. */
export interface FleetPorts {
  readonly connections: AgentConnections;
  readonly listener: AgentListener;
  readonly refuseLocked: RefuseLocked;
}

export interface Fleet {
  readonly handlers: ReturnType<typeof handlersOf>;
  readonly upgrades: Readonly<Record<string, UpgradeHandler>>;
  readonly findings: readonly FindingSource[];
  /** What is known of hosts beyond the database, and the logs of what runs on them. */
  readonly sight: Pick<HostDeps, "readings"> & Pick<ServiceDeps, "readLogs">;
  /** Whose credential an agent has sent with an HTTP request. */
  hostCaller(secret: string): Promise<HostCaller | null>;
  close(): Promise<void>;
}

/** Opens the links of agents and gateways, and everything that answers for hosts, services and routes. */
export function openFleet(ground: Ground, ports: FleetPorts): Fleet {
  const { db, lease, log, clock } = ground;
  const nowMs = (): number => clock.monotonicMs();
  const hostOf = gather((digests: readonly string[]) => findHostsByCredential(db, digests), { atMost: 500 });
  const common = { db, lease, log, nowMs, notifications: ground.listener };
  const windows = new WindowRecorder({ db, lease, log });
  const agents = new AgentLinks({
    ...common,
    recordWindows: (host, told) => windows.add(host, told),
    listener: ports.listener,
    connections: ports.connections,
    authenticate: (credential) => hostOf(secretDigest(credential)),
  });
  const recorder = new SampleRecorder({ db, lease, log });
  const usage = new UsageRecorder({
    ...{ db, lease, log, notifications: ground.listener },
    usage: () => agents.usage(),
    facts: () => agents.facts(),
  });
  const gateways = new GatewayLinks({
    ...common,
    authenticate: (credential) => findGatewayByCredential(db, secretDigest(credential)),
    openKey: keySeal(ground.secretKey).open,
    record: (samples) => recorder.add(samples),
  });
  const hostCaller = async (secret: string): Promise<HostCaller | null> => {
    const host = await hostOf(secretDigest(secret));
    return host === null ? null : { kind: "host", ...host };
  };
  const sight: Fleet["sight"] = {
    readings: (hostId) => agents.readings(hostId),
    readLogs: logReader({ db, links: agents }),
  };
  return {
    handlers: handlersOf(ground, ports, sight),
    sight,
    upgrades: {
      [`${API_PREFIX}${AGENT_LINK_PATH}`]: agents.upgrade,
      [`${API_PREFIX}${GATEWAY_LINK_PATH}`]: gateways.upgrade,
    },
    findings: [
      (tenantId) => hostFindings({ db, readings: sight.readings }, tenantId),
      (tenantId) => gatewayFindings(db, tenantId),
      (tenantId) => instanceFindings(db, tenantId),
    ],
    hostCaller,
    close: async () => {
      await usage.close();
      await Promise.all([agents.close(), gateways.close()]);
      await recorder.close();
      await windows.close();
    },
  };
}

function handlersOf({ db, listener }: Ground, { refuseLocked }: FleetPorts, sight: Fleet["sight"]) {
  return {
    ...hostHandlers({ db, listener, refuseLocked, readings: sight.readings }),
    ...gatewayHandlers({ db }),
    ...routeHandlers({ db }),
    ...sampleHandlers({ db }),
    ...serviceHandlers({ db, readLogs: sight.readLogs, forwardedHeader: FORWARDED_HEADER }),
  };
}
