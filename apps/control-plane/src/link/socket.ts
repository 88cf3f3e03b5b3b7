/**
 * Invariants:
 * 1. Messages are handled one after another in the order they came, except those that `immediate` takes at once.
 * 2. When too many wait, nothing more is read: the peer's network buffer fills, not this process's memory.
 * 3. A message that is not understood is dropped; one whose handling fails ends the link, and the peer says again what was not confirmed.
 * 4. `closed` is called once, after the last message was handled.
 */
import type { Log } from "@evenkeel/kit/log";
import type { RawData, WebSocket } from "ws";

const WAITING_LIMIT = 200;

/** Reads a message of the peer; an answer without `data` says why it is none. */
export type ReadMessage<Message> = (value: unknown) => { data?: Message; error?: { message: string } };

export interface LinkHandlers<Message> {
  /** True: the message is done with, and need not queue. */
  immediate(message: Message): boolean;
  message(message: Message): Promise<void>;
  closed(): Promise<void>;
}

export interface LinkOptions<Message> {
  readonly peer: string;
  readonly read: ReadMessage<Message>;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** One WebSocket with messages of JSON text both ways. */
export class Link<Message, Order> {
  readonly peer: string;
  readonly #socket: WebSocket;
  readonly #options: LinkOptions<Message>;
  readonly #waiting: Message[] = [];
  readonly #pings = new Map<string, () => void>();
  #handlers: LinkHandlers<Message> | null = null;
  #working = false;
  #closed = false;
  #closedTold = false;
  #pingNumber = 0;
  lastHeardMs: number;

  constructor(socket: WebSocket, options: LinkOptions<Message>) {
    this.peer = options.peer;
    this.#socket = socket;
    this.#options = options;
    this.lastHeardMs = options.nowMs();
    socket.on("message", (data) => this.#receive(data));
    socket.on("pong", (data) => this.#pong(data.toString()));
    socket.on("error", (error) => options.log.debug({ peer: this.peer, err: error }, "link error"));
    socket.on("close", () => this.#close());
  }

  get open(): boolean {
    return !this.#closed;
  }

  handle(handlers: LinkHandlers<Message>): void {
    this.#handlers = handlers;
    void this.#work();
  }

  send(order: Order): void {
    if (this.open) this.#socket.send(JSON.stringify(order));
  }

  /** Calls back once the peer has read everything that was sent before; never, if the link ends first. */
  afterRead(callback: () => void): void {
    if (!this.open) return;
    this.#pingNumber += 1;
    this.#pings.set(String(this.#pingNumber), callback);
    this.#socket.ping(String(this.#pingNumber));
  }

  /** Ends the link after what was sent has left. */
  close(code = 1000, reason = ""): void {
    this.#socket.close(code, reason);
  }

  /** Ends the link at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: RawData): void {
    this.lastHeardMs = this.#options.nowMs();
    const message = this.#read(data);
    if (message === null || this.#handlers?.immediate(message)) return;
    this.#waiting.push(message);
    if (this.#waiting.length >= WAITING_LIMIT) this.#socket.pause();
    void this.#work();
  }

  #read(data: RawData): Message | null {
    const { log, read } = this.#options;
    try {
      const parsed = read(JSON.parse(data.toString()));
      if (parsed.data !== undefined) return parsed.data;
      log.warn({ peer: this.peer, problem: parsed.error?.message }, "a message was not understood");
    } catch {
      log.warn({ peer: this.peer }, "a message was no JSON");
    }
    return null;
  }

  async #work(): Promise<void> {
    const handlers = this.#handlers;
    if (this.#working || handlers === null) return;
    this.#working = true;
    try {
      for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
        if (this.#waiting.length < WAITING_LIMIT / 2) this.#socket.resume();
        await handlers.message(message);
      }
    } catch (error) {
      this.#options.log.error({ peer: this.peer, err: error }, "a message could not be handled: the link is closed");
      this.#waiting.length = 0;
      this.terminate();
    } finally {
      this.#working = false;
    }
    if (this.#closed) await this.#tellClosed();
  }

  #close(): void {
    this.#closed = true;
    this.#pings.clear();
    if (!this.#working) void this.#tellClosed();
  }

  async #tellClosed(): Promise<void> {
    if (this.#closedTold || this.#handlers === null) return;
    this.#closedTold = true;
    const { log } = this.#options;
    await this.#handlers.closed().catch((error) => log.error({ peer: this.peer, err: error }, "closing a link failed"));
  }

  #pong(name: string): void {
    this.lastHeardMs = this.#options.nowMs();
    const callback = this.#pings.get(name);
    this.#pings.delete(name);
    callback?.();
  }
}
