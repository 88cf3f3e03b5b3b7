import { createServer } from "node:net";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Claims } from "@evenkeel/kit/claim";
import { type Holder, holderOf, listenersAt, listListeners } from "@evenkeel/kit/listening";
import { readEnvironment } from "@evenkeel/kit/process-identity";
import type { PortRange } from "./config.ts";

/** How far apart the agents of neighbouring addresses begin to look, in ports. */
const SPREAD = 97;

/** Where this host's agent begins to look in its range, so that several on one machine do not meet. */
export function firstPort(address: string, { from, to }: PortRange): number {
  const number = address.split(/[.:]/).reduce((sum, part) => sum * 31 + (Number.parseInt(part, 16) || 0), 0);
  return from + ((number * SPREAD) % (to - from + 1));
}

/** What keeps the agents of this machine from choosing the port. */
export const claimOf = (port: number): string => `port/${port}`;

interface PortChoice {
  readonly address: string;
  readonly range: PortRange;
  /** To our own instances. */
  readonly promised: ReadonlySet<number>;
}

/** Finds a port of the range that nobody listens on, on any address, and claims it: no other agent of this machine has chosen it. */
export async function choosePort({ address, range, promised }: PortChoice, claims: Claims): Promise<number> {
  const size = range.to - range.from + 1;
  const first = firstPort(address, range) - range.from;
  for (let step = 0; step < size; step += 1) {
    const port = range.from + ((first + step) % size);
    if (promised.has(port) || !(await claims.take(claimOf(port)))) continue;
    if (await isFree(port)) return port;
    claims.release(claimOf(port));
  }
  throw new PlatformError("PORT_TAKEN", { port: `${range.from}-${range.to}`, holder: "others, every one of them" });
}

/** Refuses a fixed port that somebody has on the host's own address, or on the wildcard, which is every address. */
export async function assertFree(address: string, port: number): Promise<void> {
  const refusal = await tryBind(port, address);
  if (refusal === null) return;
  if (refusal === "EACCES") throw new PlatformError("PORT_FORBIDDEN", { port });
  const holder = portHolder(address, port) ?? "a process that is about to listen";
  throw new PlatformError("PORT_TAKEN", { port, holder });
}

/** Who it is, and of what service where it is an instance of this platform. */
export function describeHolder({ pid, text }: Holder): string {
  const { EVENKEEL_INSTANCE, EVENKEEL_APPLICATION, EVENKEEL_SERVICE } =
    (pid === null ? null : readEnvironment(pid)) ?? {};
  return EVENKEEL_INSTANCE === undefined ? text : `${text}, an instance of ${EVENKEEL_APPLICATION ?? EVENKEEL_SERVICE}`;
}

/** Who has the port here; where nobody does, who has it on another address, for that one is in the way of a wildcard. */
export function portHolder(address: string, port: number): string | null {
  const here = listenersAt(address, port);
  const listeners = here.length > 0 ? here : listListeners().filter((one) => one.port === port);
  return listeners.length > 0 ? describeHolder(holderOf(listeners)) : null;
}

/** Binding the wildcard of both families fails as long as any address has it. */
export async function isFree(port: number): Promise<boolean> {
  return (await canBind(port, "0.0.0.0")) && (await canBind(port, "::"));
}

/** True when a program that listens on this address and port would succeed. */
export async function canBind(port: number, host: string): Promise<boolean> {
  return (await tryBind(port, host)) === null;
}

/** Why nobody may listen there; null = one may, or there is no such address to be taken. */
function tryBind(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code = "" }: NodeJS.ErrnoException) =>
      resolve(["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(code) ? null : code),
    );
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
