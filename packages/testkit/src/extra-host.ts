import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host } from "@evenkeel/contracts/host";
import { type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import type { Platform } from "./platform.ts";

const AGENT = fileURLToPath(new URL("../../../apps/agent/src/main.ts", import.meta.url));
const ONLINE_LIMIT_MS = 60_000;

/** A host beside those of the supervisor: nobody starts its agent again. */
export interface ExtraHost {
  readonly host: Host;
  readonly agent: ProcessIdentity;
  readonly folder: string;
}

/** Joins one more host with an agent of its own, and waits until it is online; it goes with the platform. */
export async function joinHost(
  platform: Platform,
  { name, address, zone = "a" }: { name: string; address: string; zone?: string },
): Promise<ExtraHost> {
  const { client, home, controlPlanes } = platform;
  const folder = join(home, "agents", name);
  mkdirSync(folder, { recursive: true });
  const { token } = await client.createJoinToken({ body: { workspace: "local", zone } });
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
      EVENKEEL_JOIN_TOKEN: token,
    },
  });
  child.unref();
  closeSync(log);
  const agent = readIdentity(child.pid ?? 0);
  if (agent === null) throw new Error(`the agent of ${name} did not start`);
  const until = performance.now() + ONLINE_LIMIT_MS;
  while (performance.now() < until) {
    const [host] = (await client.listHosts({ query: { workspace: "local", name } })).items;
    if (host?.state === "online") return { host, agent, folder };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`host ${name} is not online`);
}
