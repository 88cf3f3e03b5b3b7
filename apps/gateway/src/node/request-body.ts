import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { EdgeRequest } from "./http2-message.ts";

/** Whether the request comes with a body, be it an empty one. */
export function hasBody(req: IncomingMessage): boolean {
  const { headers } = req;
  if (headers["content-length"] !== undefined) return headers["content-length"] !== "0";
  const known: unknown = req;
  return known instanceof EdgeRequest ? known.hasBody : headers["transfer-encoding"] !== undefined;
}

/**
 * The body of a request on its way to an instance. It stands between the two because undici destroys the stream it was
 * given when the exchange ends early, and destroying the request itself would take the client's connection with it.
 * Nothing is read before undici asks, which it does when it has a connection.
 */
export class RequestBody extends Readable {
  readonly #req: IncomingMessage;
  readonly #onFirstRead: () => void;
  #begun = false;
  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#req.pause();
  };
  readonly #onEnd = (): void => {
    this.push(null);
  };

  constructor(req: IncomingMessage, onFirstRead: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#req = req;
    this.#onFirstRead = onFirstRead;
  }

  override _read(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#onFirstRead();
      this.#req.on("data", this.#onData);
      this.#req.on("end", this.#onEnd);
    }
    this.#req.resume();
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#req.off("data", this.#onData);
    this.#req.off("end", this.#onEnd);
    // Answered before it was all there: the client may still be sending, and its connection is of use after that.
    if (this.#begun) this.#req.resume();
    // No error is passed on: who ended the exchange knows why.
    done(null);
  }
}

/** Reads a body of a length known to be small, so that it goes to the instance in one piece and waits for no slow client there. */
export function gather(req: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => done(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
}

/** Reads a body for those who look into it. One of more bytes goes on as it came (null): what was read of it is put back. */
export function peek(req: IncomingMessage, mostBytes: number, done: (body: Buffer | null) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const end = (body: Buffer | null): void => {
    req.off("data", onData);
    req.off("end", onEnd);
    done(body);
  };
  const onEnd = (): void => end(Buffer.concat(chunks));
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= mostBytes) return;
    req.pause();
    req.unshift(Buffer.concat(chunks));
    end(null);
  };
  req.on("data", onData);
  req.on("end", onEnd);
}
