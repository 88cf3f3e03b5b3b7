// The TLS side of the edge: a connection is opened by the certificate of the host that it asks for, and then belongs to the
// server of the protocol that both agreed on.
// 1. Other certificates are for new connections: those that are open go on by what they were opened with.
// 2. A session that is closed takes no new requests and ends with the last one that it has.
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { TableCertificate } from "@evenkeel/contracts/route-table";
import { LISTEN_BACKLOG } from "@evenkeel/kit/listening";
import { certificateFor, type Shown, shownBy } from "../certificates.ts";
import type { Listen, Serving } from "../driver.ts";
import { EdgeRequest, EdgeResponse } from "./http2-message.ts";
import { servingOf } from "./serving.ts";

const HANDSHAKE_MS = 10_000;
const IDLE_MS = 75_000;
const MAX_HEADER_BYTES = 32 * 1024;
/** Of one connection at once; each may hold one window of memory. */
const MAX_STREAMS = 128;
const LOWEST_VERSION = "TLSv1.2";

/** Takes a request of HTTP/2 as one of HTTP/1.1. */
type OnRequest = (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean) => void;

export class TlsDoor {
  readonly server: TlsServer;
  readonly #http2: Http2Server<typeof IncomingMessage, typeof ServerResponse, typeof EdgeRequest, typeof EdgeResponse>;
  readonly #sessions = new Set<ServerHttp2Session>();
  #shown: Shown = shownBy([]);
  #contexts = new Map<TableCertificate, SecureContext>();

  constructor(http: Server, onRequest: OnRequest) {
    this.#http2 = createHttp2Server({
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES, enablePush: false },
      Http2ServerRequest: EdgeRequest,
      Http2ServerResponse: EdgeResponse,
    });
    // What of the two protocols differs beyond names is in http2-message.ts.
    const take = (req: EdgeRequest, res: EdgeResponse, expectsContinue: boolean): void =>
      onRequest(req as unknown as IncomingMessage, res as unknown as ServerResponse, expectsContinue);
    this.#http2.on("request", (req, res) => take(req, res, false));
    this.#http2.on("checkContinue", (req, res) => take(req, res, true));
    this.#http2.on("session", (session) => this.#keep(session));
    this.server = createServer(
      {
        ALPNProtocols: ["h2", "http/1.1"],
        minVersion: LOWEST_VERSION,
        handshakeTimeout: HANDSHAKE_MS,
        noDelay: true,
        SNICallback: (host, done) => done(null, this.#contextFor(host)),
      },
      (socket: TLSSocket) => (socket.alpnProtocol === "h2" ? this.#http2 : http).emit("connection", socket),
    );
  }

  async open(listen: Listen): Promise<Serving> {
    this.server.listen({ ...listen, backlog: LISTEN_BACKLOG });
    await once(this.server, "listening");
    return servingOf(this.server);
  }

  /** New connections are opened by these. */
  use(certificates: readonly TableCertificate[]): void {
    if (isDeepStrictEqual(certificates, [...this.#contexts.keys()])) return;
    const before = new Map([...this.#contexts].map(([certificate, context]) => [keyOf(certificate), context]));
    const contexts = new Map(
      certificates.map((certificate) => [certificate, before.get(keyOf(certificate)) ?? contextOf(certificate)]),
    );
    this.#shown = shownBy(certificates);
    this.#contexts = contexts;
    const { fallback } = this.#shown;
    // For clients that name no host.
    this.server.setSecureContext({
      minVersion: LOWEST_VERSION,
      ...(fallback === null ? {} : { cert: fallback.chain, key: fallback.key }),
    });
  }

  /** Without one the handshake fails: there is nothing to show. */
  #contextFor(host: string): SecureContext | undefined {
    const certificate = certificateFor(this.#shown, host);
    return certificate === null ? undefined : this.#contexts.get(certificate);
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.setTimeout(IDLE_MS, () => session.close());
    session.on("error", () => undefined);
    session.on("close", () => this.#sessions.delete(session));
  }

  /** Takes no new connections and no new requests; resolves when all have ended. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.close();
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

const keyOf = ({ chain, key }: TableCertificate): string => `${chain}${key}`;

const contextOf = ({ chain, key }: TableCertificate): SecureContext =>
  createSecureContext({ cert: chain, key, minVersion: LOWEST_VERSION });
