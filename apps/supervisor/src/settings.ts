import type { Claims } from "@evenkeel/kit/claim";
import type { Manifest, Settings } from "./manifest.ts";
import { LOCAL_HOSTS } from "./parts.ts";
import {
  FIRST_CONTROL_PLANE_PORT,
  FIRST_GATEWAY_PORT,
  freeAddresses,
  freePorts,
  keepPorts,
  type Wanted,
  wantedPort,
} from "./ports.ts";

/** What a start was told. */
export interface Asked {
  readonly replicas: number;
  readonly environment: NodeJS.ProcessEnv;
  /** What this start has chosen, and nobody else may. */
  readonly claims: Claims;
}

/** Ports of the control planes: those that living parts know, else the ones that were set, else the first free ones. */
export async function chooseControlPlanePorts(kept: Settings | null, asked: Asked): Promise<number[]> {
  const { replicas, environment, claims } = asked;
  const gateway = chooseGatewayPort(kept, asked);
  const promised = gateway.set ? gateway.port : undefined;
  const wanted = wantedPort(environment.EVENKEEL_PORT, "EVENKEEL_PORT", FIRST_CONTROL_PLANE_PORT);
  const known = kept?.controlPlanePorts ?? [];
  if (known.length === 0 || (wanted.set && wanted.port !== known[0]))
    return await freePorts({ ...wanted, count: replicas, promised }, claims);
  await keepPorts(known.slice(0, replicas), claims);
  if (known.length >= replicas) return known.slice(0, replicas);
  const next = { port: Math.max(...known) + 1, set: false, count: replicas - known.length, promised };
  return [...known, ...(await freePorts(next, claims))];
}

/** The gateway's port; a kept one counts as set, because clients know it. */
export function chooseGatewayPort(kept: Settings | null, { environment }: Asked): Wanted {
  const wanted = wantedPort(environment.EVENKEEL_GATEWAY_PORT, "EVENKEEL_GATEWAY_PORT", FIRST_GATEWAY_PORT);
  return kept === null || wanted.set ? wanted : { port: kept.gatewayPort, set: true };
}

const TLS_PORT = "EVENKEEL_GATEWAY_TLS_PORT";

/** The gateway's port for TLS; null = none: nobody has asked for it yet, or it is `off`. A kept one stays until then. */
export function chooseTlsPort(kept: Settings | null, { environment }: Asked): Wanted | null {
  const text = environment[TLS_PORT];
  if (text === "off") return null;
  if (text !== undefined && text !== "") return wantedPort(text, TLS_PORT, 0);
  return kept === null || kept.gatewayTlsPort === null ? null : { port: kept.gatewayTlsPort, set: true };
}

/** Addresses of the local hosts: chosen once, for the hosts joined with them. */
export async function chooseAddresses(manifest: Manifest, { claims }: Asked): Promise<Record<string, string>> {
  const names = LOCAL_HOSTS.map(({ name }) => name);
  return manifest.settings?.agentAddresses ?? (await freeAddresses(names, claims));
}
