import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ErrorCode, PlatformError } from "@evenkeel/contracts/platform-error";
import { runAsBase } from "../owner/owner.ts";

/** Why a connection ends, as the close frame of a WebSocket says it. */
export interface Closing {
  /** 1001: who served it goes away. 1011: it failed. */
  readonly code: 1001 | 1011;
  readonly reason: ErrorCode;
}

/** What whoever is at the other end is told of an error. */
export function closingOf(error: unknown): Closing {
  const reason = error instanceof PlatformError ? error.code : "MODULE_FAILED";
  return { code: reason === "MODULE_LEAVING" ? 1001 : 1011, reason };
}

/** How long a client may take to agree that its connection ends, in ms. */
const AGREE_MS = 1000;

/** A connection that a module takes out of HTTP. */
export class Connection {
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #isWebSocket: boolean;
  readonly #writtenBefore: number;

  constructor({ headers }: IncomingMessage, socket: Duplex) {
    this.#socket = socket;
    this.#isWebSocket = headers.upgrade?.toLowerCase() === "websocket";
    this.#writtenBefore = writtenTo(socket);
    this.closed = new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    // Errors are the module's to hear; where it does not, a client that breaks off must not end the process.
    socket.on("error", () => undefined);
  }

  /** Whether something was said to the client. */
  get answered(): boolean {
    return writtenTo(this.#socket) > this.#writtenBefore;
  }

  /** Ends it: what was written before goes out first, and a WebSocket is told why. */
  end(closing: Closing): void {
    const isOpen = !this.#socket.writableEnded;
    if (isOpen && this.#isWebSocket && this.answered) this.#socket.end(closeFrame(closing));
    else if (isOpen) this.#socket.destroy();
    this.destroyLater();
  }

  /** By force, if it has not ended in a moment. */
  destroyLater(): void {
    const timer = runAsBase(() => setTimeout(() => this.#socket.destroy(), AGREE_MS));
    void this.closed.then(() => clearTimeout(timer));
  }
}

const writtenTo = (socket: Duplex & Partial<Pick<Socket, "bytesWritten">>): number => socket.bytesWritten ?? 0;

/** RFC 6455, 5.5.1: final, opcode 8, not masked; its length is below 126. A control frame may stand between any two frames. */
function closeFrame({ code, reason }: Closing): Buffer {
  const text = Buffer.from(reason);
  return Buffer.concat([Buffer.of(0x88, text.length + 2, code >> 8, code & 0xff), text]);
}
