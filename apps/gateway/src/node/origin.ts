import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** Where a request comes from. */
export interface Origin {
  /** Behind the driver haproxy there is none: what was forwarded says it all. */
  readonly address: string | undefined;
  readonly scheme: "http" | "https";
}

/** The other end of the client's connection. */
export function originOf({ socket }: Pick<IncomingMessage, "socket">): Origin {
  const { remoteAddress, encrypted = false } = socket as Socket & Partial<Pick<TLSSocket, "encrypted">>;
  return { address: remoteAddress, scheme: encrypted ? "https" : "http" };
}
