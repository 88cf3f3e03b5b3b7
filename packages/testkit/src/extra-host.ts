import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host, HostState } from "@evenkeel/contracts/host";
import { killIdentity, type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import type { Platform } from "./platform.ts";

const AGENT = fileURLToPath(new URL("../../../apps/agent/src/main.ts", import.meta.url));
const STATE_LIMIT_MS = 60_000;

/** A host beside those of the supervisor: nobody starts its agent again. */
export interface ExtraHost {
  readonly host: Host;
  readonly agent: ProcessIdentity;
  readonly folder: string;
}

interface Place {
  readonly name: string;
  readonly address: string;
  readonly zone?: string;
  /** What its agent gets beside its own settings. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Joins one more host with an agent of its own, and waits until it is online; it goes with the platform. */
export async function joinHost(platform: Platform, place: Place): Promise<ExtraHost> {
  const { client, home } = platform;
  const { name, zone = "a" } = place;
  const folder = join(home, "agents", name);
  mkdirSync(folder, { recursive: true });
  const { token } = await client.createJoinToken({ body: { workspace: "local", zone } });
  const agent = startAgent(platform, { ...place, folder, token });
  return { host: await hostInState(platform, name, "online"), agent, folder };
}

/** Starts an agent on a folder; with a token it joins first. */
export function startAgent(
  { home, controlPlanes }: Platform,
  {
    name,
    address,
    zone = "a",
    environment = {},
    folder,
    token,
  }: Place & { readonly folder: string; readonly token?: string },
): ProcessIdentity {
  const log = openSync(join(home, "log", `agent-${name}.log`), "a");
  const child = spawn(process.execPath, [AGENT], {
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      ...process.env,
      EVENKEEL_HOME: home,
      EVENKEEL_PART: `agent-${name}`,
      EVENKEEL_AGENT_HOME: folder,
      EVENKEEL_AGENT_NAME: name,
      EVENKEEL_AGENT_ZONE: zone,
      EVENKEEL_AGENT_ADDRESS: address,
      EVENKEEL_CONTROL_PLANES: controlPlanes.join(","),
      ...(token !== undefined && { EVENKEEL_JOIN_TOKEN: token }),
      ...environment,
    },
  });
  child.unref();
  closeSync(log);
  const agent = readIdentity(child.pid ?? 0);
  if (agent === null) throw new Error(`the agent of ${name} did not start`);
  return agent;
}

/** Waits until the host is in this state. */
export async function hostInState({ client }: Platform, name: string, state: HostState): Promise<Host> {
  const until = performance.now() + STATE_LIMIT_MS;
  let seen = "unknown";
  while (performance.now() < until) {
    const [host] = (await client.listHosts({ query: { workspace: "local", name } })).items;
    if (host?.state === state) return host;
    seen = host?.state ?? seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`host ${name} is ${seen}, not ${state}`);
}

/** Freezes the agents of these hosts, or lets them go on. A frozen agent is a host whose network is gone: it hears nothing, says nothing, and its applications serve on. */
export async function signalAgents(
  platform: Platform,
  hosts: readonly string[],
  signal: "SIGSTOP" | "SIGCONT",
): Promise<void> {
  const parts = await platform.parts();
  for (const host of hosts) {
    const agent = parts[`agent-${host}`];
    if (agent !== undefined) killIdentity(agent, signal);
    else if (signal === "SIGSTOP") throw new Error(`there is no agent ${host}`);
  }
}
