import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "./home.ts";
import { CODE_ROOT } from "./home.ts";
import type { PartName, PartSpec } from "./part.ts";
import { HOST } from "./ports.ts";

/** A local host: an agent with an address of its own. */
export interface LocalHost {
  readonly name: string;
  readonly zone: string;
}

export const WORKSPACE = "local";
export const ZONES = ["a", "b"];
export const LOCAL_HOSTS: readonly LocalHost[] = [
  { name: "local-1", zone: "a" },
  { name: "local-2", zone: "a" },
  { name: "local-3", zone: "b" },
  { name: "local-4", zone: "b" },
];
/** The descriptor that the first entry after standard error becomes. */
const LISTEN_FD = 3;
/** Tells a gateway that it has a door for TLS; one that was told otherwise is started anew. */
export const TLS_FD = "EVENKEEL_GATEWAY_TLS_LISTEN_FD";
function entryOf(app: string): string {
  return join(CODE_ROOT, "apps", app, "src/main.ts");
}

export const GATEWAY: PartName = {
  name: "gateway",
  entry: entryOf("gateway"),
  stop: { signal: "SIGTERM", ms: 15_000 },
};

/** The hosts of this machine; a restored installation has its hosts elsewhere. */
export const localHosts = (restoredAs: number | null): readonly LocalHost[] => (restoredAs === null ? LOCAL_HOSTS : []);
/** Name of this machine's gateway; the one of the backup may live on. */
export const gatewayName = (restoredAs: number | null): string =>
  restoredAs === null ? GATEWAY.name : `${GATEWAY.name}-${restoredAs}`;

export const controlPlaneName = (index: number): string => `control-plane-${index + 1}`;
export const agentName = ({ name }: LocalHost): string => `agent-${name}`;
export const urlOf = (port: number): string => `http://${HOST}:${port}`;

export interface ControlPlaneInput {
  readonly home: Home;
  readonly index: number;
  readonly port: number;
  databaseUrl(): Promise<string>;
}

/** A control plane of this machine. */
export function controlPlanePart({ home, index, port, databaseUrl }: ControlPlaneInput): PartSpec {
  return {
    name: controlPlaneName(index),
    entry: entryOf("control-plane"),
    environment: async () => ({
      EVENKEEL_PORT: String(port),
      EVENKEEL_LISTEN_HOST: HOST,
      DATABASE_URL: await databaseUrl(),
      EVENKEEL_OBJECTS: home.objectFolder,
      EVENKEEL_BOOTSTRAP_TOKEN_FILE: home.tokenFile,
      EVENKEEL_SECRET_KEY_FILE: home.secretKeyFile,
    }),
    stop: { signal: "SIGTERM", ms: 10_000 },
  };
}

/** Makes a join token when a part needs one. */
export type Invite = () => Promise<string>;

export interface GatewayInput {
  readonly home: Home;
  readonly name: string;
  readonly controlPlanes: readonly string[];
  readonly url: string;
  listenFd(): number;
  /** Null = it gets no door for TLS. */
  readonly tlsFd: (() => number) | null;
  invite: Invite;
}

/** Every request goes through it: a release that unpacks on the same machine, or a start of everything, must not hold it up. */
const GATEWAY_AHEAD = 5;

/** The gateway; its listening sockets are ours, and it hands them back to our successor. */
export function gatewayPart({ home, name, controlPlanes, url, listenFd, tlsFd, invite }: GatewayInput): PartSpec {
  return {
    ...GATEWAY,
    environment: async () => ({
      EVENKEEL_GATEWAY_LISTEN_FD: String(LISTEN_FD),
      EVENKEEL_CONTROL_PLANES: controlPlanes.join(","),
      EVENKEEL_GATEWAY_HOME: home.gatewayFolder,
      EVENKEEL_GATEWAY_HANDOVER: home.handoverSocket,
      ...(tlsFd === null
        ? {}
        : { [TLS_FD]: String(LISTEN_FD + 1), EVENKEEL_GATEWAY_TLS_HANDOVER: home.tlsHandoverSocket }),
      EVENKEEL_GATEWAY_NAME: name,
      EVENKEEL_GATEWAY_URL: url,
      ...(await joinToken(home.gatewayFolder, invite)),
    }),
    ahead: GATEWAY_AHEAD,
    descriptors: () => [listenFd(), ...(tlsFd === null ? [] : [tlsFd()])],
  };
}

export interface AgentInput {
  readonly home: Home;
  readonly host: LocalHost;
  readonly address: string;
  readonly controlPlanes: readonly string[];
  invite: Invite;
}

/** The agent of one local host. SIGTERM ends it alone; the signal that ends its applications too is `STOP_HOST`. */
export function agentPart({ home, host, address, controlPlanes, invite }: AgentInput): PartSpec {
  return {
    name: agentName(host),
    entry: entryOf("agent"),
    environment: async () => ({
      EVENKEEL_AGENT_HOME: home.agentFolder(host.name),
      EVENKEEL_AGENT_NAME: host.name,
      EVENKEEL_AGENT_ZONE: host.zone,
      EVENKEEL_AGENT_ADDRESS: address,
      EVENKEEL_CONTROL_PLANES: controlPlanes.join(","),
      ...(await joinToken(home.agentFolder(host.name), invite)),
    }),
    stop: { signal: "SIGTERM", ms: 60_000 },
  };
}

/** Stop every instance of the host, keep what is desired, then end. */
export const STOP_HOST: NodeJS.Signals = "SIGUSR2";

/** A part that has joined keeps its credential; until then each start gets a new token, for the last may be used up. */
async function joinToken(folder: string, invite: Invite): Promise<Record<string, string>> {
  return hasJoined(folder) ? {} : { EVENKEEL_JOIN_TOKEN: await invite() };
}

/** True once the part that lives in this folder owns a credential. */
export function hasJoined(folder: string): boolean {
  return existsSync(join(folder, "credential.json"));
}
