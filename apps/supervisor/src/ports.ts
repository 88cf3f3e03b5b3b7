import { createServer } from "node:net";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Claims } from "@evenkeel/kit/claim";
import { holderOf, listenersAt, listListeners } from "@evenkeel/kit/listening";
import { listProcesses, readEnvironment } from "@evenkeel/kit/process-identity";
import { bindSocket, type HeldSocket } from "@evenkeel/kit/socket-handover";
import { REFUSED_PORTS } from "./refused-ports.ts";

/** Everything that belongs to this machine alone is reached here. */
export const HOST = "127.0.0.1";
export const FIRST_CONTROL_PLANE_PORT = 7700;
export const FIRST_GATEWAY_PORT = 7780;
const TRIES = 200;
const PORTS_END = 65_536;

/** A port that was set must be free; a default one that is taken gives the next free one. */
export interface Wanted {
  readonly port: number;
  readonly set: boolean;
}

/** The port of an environment variable, or the default. */
export function wantedPort(text: string | undefined, name: string, fallback: number): Wanted {
  if (text === undefined || text === "") return { port: fallback, set: false };
  const port = Number(text);
  if (REFUSED_PORTS.has(port)) {
    const problem = `${name} is ${text}, a port that browsers and HTTP clients refuse to open`;
    throw new PlatformError("INPUT_INVALID", { problem });
  }
  if (Number.isInteger(port) && port > 0 && port < PORTS_END) return { port, set: true };
  throw new PlatformError("INPUT_INVALID", { problem: `${name} is ${text}, which is no port` });
}

export interface WantedRange extends Wanted {
  readonly count: number;
  /** Another part's port. */
  readonly promised?: number | undefined;
}

const claimOf = (port: number): string => `port/${port}`;

/** The first of `count` consecutive ports that are free; claimed, for nobody listens on them yet. */
export async function freePorts({ port, set, count, promised }: WantedRange, claims: Claims): Promise<number[]> {
  const end = Math.min(port + TRIES, PORTS_END - count + 1);
  for (let first = port; first < end; first += 1) {
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const taken = await firstTaken(ports, promised, claims);
    if (taken === null) return ports;
    claims.release(...ports.map(claimOf));
    if (set) throw portTaken(taken, promised);
  }
  throw new PlatformError("PORT_TAKEN", { port: `${port} – ${port + TRIES}`, holder: "other processes" });
}

function portTaken(port: number, promised?: number): PlatformError {
  const ours = port === promised ? "our own gateway, by EVENKEEL_GATEWAY_PORT" : null;
  const listeners = listenersAt(HOST, port);
  const holder = listeners.length === 0 ? "a process that is about to listen" : holderOf(listeners).text;
  return new PlatformError("PORT_TAKEN", { port, holder: ours ?? holder });
}

async function firstTaken(
  ports: readonly number[],
  promised: number | undefined,
  claims: Claims,
): Promise<number | null> {
  for (const port of ports)
    if (port === promised || !(await claims.take(claimOf(port))) || !(await isFree(port))) return port;
  return null;
}

/** Keeps ports that living parts know from being chosen by others; where they are claimed, somebody is just looking. */
export async function keepPorts(ports: readonly number[], claims: Claims): Promise<void> {
  for (const port of ports) await claims.take(claimOf(port));
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "EACCES") reject(new PlatformError("PORT_FORBIDDEN", { port }));
      else resolve(false);
    });
    probe.listen({ host: HOST, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Binds the gateway's socket and holds it; `avoid` are ports that were promised to others. */
export async function bindGateway(
  { port, set }: Wanted,
  avoid: readonly number[],
  claims: Claims,
): Promise<HeldSocket> {
  if (set && avoid.includes(port))
    throw new PlatformError("PORT_TAKEN", { port, holder: "our own control plane, by EVENKEEL_PORT" });
  const candidates = Array.from({ length: set ? 1 : TRIES }, (_, index) => port + index);
  for (const candidate of candidates.filter((each) => set || !avoid.includes(each))) {
    if (!(await claims.take(claimOf(candidate)))) continue;
    const held = await bindSocket({ host: HOST, port: candidate }).catch(nullIfTaken);
    if (held !== null) return held;
    claims.release(claimOf(candidate));
  }
  throw portTaken(port);
}

function nullIfTaken(error: unknown): null {
  if (error instanceof PlatformError && error.code === "PORT_TAKEN") return null;
  throw error;
}

const ADDRESS_VARIABLE = "EVENKEEL_AGENT_ADDRESS";

/**
 * Loopback addresses for the local hosts: 127.0.10.11 and up, or a later block where another installation has one of them.
 * The claim holds a block for as long as we live; by then its agents tell of it themselves.
 */
export async function freeAddresses(names: readonly string[], claims: Claims): Promise<Record<string, string>> {
  for (let block = 10; block < 250; block += 1) {
    const claim = `addresses/127.0.${block}`;
    if (!(await claims.take(claim))) continue;
    const addresses = names.map((_, index) => `127.0.${block}.${11 + index}`);
    // Looked at under the claim: whose supervisor is dead, his agents are seen.
    const taken = takenAddresses();
    if (addresses.every((address) => !taken.has(address))) {
      return Object.fromEntries(names.map((name, index) => [name, addresses[index] ?? ""]));
    }
    claims.release(claim);
  }
  throw new PlatformError("PORT_TAKEN", { port: "127.0.10.11 – 127.0.249.14", holder: "other installations" });
}

function takenAddresses(): Set<string> {
  const told = listProcesses().map(({ pid }) => readEnvironment(pid)?.[ADDRESS_VARIABLE] ?? "");
  return new Set([...told, ...listListeners().map(({ address }) => address)]);
}
