import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** Where a request comes from. */
export interface Origin {
  /** Behind the driver haproxy there is none: what was forwarded says it all. */
  readonly address: string | undefined;
  readonly scheme: "http" | "https";
}

// A property, not a map by sockets: those of HTTP/2 requests are shown through a proxy, which passes it on.
const TOLD = Symbol("told");

type Known = Socket & { [TOLD]?: string } & Partial<Pick<TLSSocket, "encrypted">>;

/** A trusted proxy has told for whom it opened this connection. */
export function setOrigin(socket: Socket, address: string): void {
  (socket as Known)[TOLD] = address;
}

/** The other end of the client's connection, or whom a trusted proxy there speaks for. */
export function originOf({ socket }: Pick<IncomingMessage, "socket">): Origin {
  const { [TOLD]: told, remoteAddress, encrypted = false } = socket as Known;
  return { address: told ?? remoteAddress, scheme: encrypted ? "https" : "http" };
}
