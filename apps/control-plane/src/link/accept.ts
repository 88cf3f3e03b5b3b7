import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode, type Facts, problemDocument } from "@evenkeel/contracts/error";
import type { Log } from "@evenkeel/kit/log";
import { type WebSocket, WebSocketServer } from "ws";

const MESSAGE_LIMIT_BYTES = 16 * 1024 ** 2;

export interface Accept<Peer> {
  /** False: this process may not hold links just now. */
  readonly ready: () => boolean;
  /** Who has this credential; null = nobody. */
  readonly authenticate: (credential: string) => Promise<Peer | null>;
  readonly open: (socket: WebSocket, peer: Peer) => void;
  readonly log: Log;
}

/** Takes requests for a WebSocket over: asks for the credential, then opens the link. */
export function acceptLinks<Peer>(
  accept: Accept<Peer>,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_LIMIT_BYTES, perMessageDeflate: false });
  return (request, socket, head) => {
    take({ request, socket, head }).catch((error: unknown) => {
      accept.log.error({ err: error }, "a link could not be opened");
      answer(socket, "UNAVAILABLE", { what: "The database" });
    });
  };

  async function take(upgrade: { request: IncomingMessage; socket: Duplex; head: Buffer }): Promise<void> {
    const { request, socket, head } = upgrade;
    if (!accept.ready()) return answer(socket, "UNAVAILABLE", { what: "This replica" });
    const credential = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (credential === undefined) return answer(socket, "TOKEN_MISSING", {});
    const peer = await accept.authenticate(credential);
    if (peer === null) return answer(socket, "TOKEN_UNKNOWN", {});
    server.handleUpgrade(request, socket, head, (opened) => accept.open(opened, peer));
  }
}

function answer(socket: Duplex, code: ErrorCode, facts: Facts): void {
  const body = JSON.stringify(problemDocument(code, facts));
  socket.end(
    `HTTP/1.1 ${ERRORS[code].status} Refused\r\nconnection: close\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
