/**
 * Invariants:
 * 1. A handler is called with null whenever notifications may have been missed: once after its channel is first listened to,
 *    and once after each reconnect. Null means: look for yourself.
 * 2. One connection per process listens; no query of the application runs on it.
 * 3. A handler that throws is reported and harms no other.
 */
import { type Kysely, sql } from "kysely";
import pg from "pg";
import { connectionOptions } from "./sql.ts";

export type NotificationHandler = (payload: string | null) => void | Promise<void>;

/** Hears what other processes commit. */
export interface Listener {
  /** Calls `handler` for each notification on the channel; the answer takes it off again. */
  on(channel: string, handler: NotificationHandler): () => void;
  /** False while the connection is broken: what was heard until now may be out of date. */
  readonly connected: boolean;
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly connectionString: string;
  /** Told about a broken connection and about a handler that threw. */
  readonly onError: (error: unknown) => void;
}

const RECONNECT_MS = 200;
const CHECK_MS = 2000;

/** Sends a notification when the transaction commits; at most 8000 bytes. */
export async function notify<DB>(tx: Kysely<DB>, channel: string, payload: string): Promise<void> {
  await sql`select pg_notify(${channel}, ${payload})`.execute(tx);
}

/** Opens the connection that listens; comes back once it stands. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const listener = new ReconnectingListener(options);
  await listener.open();
  return listener;
}

class ReconnectingListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #handlers = new Map<string, Set<NotificationHandler>>();
  #client: pg.Client | null = null;
  /** The statements on the connection, one after another. */
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#client !== null;
  }

  on(channel: string, handler: NotificationHandler): () => void {
    const handlers = this.#handlers.get(channel) ?? new Set();
    this.#handlers.set(channel, handlers.add(handler));
    const client = this.#client;
    if (client !== null) {
      this.#query(client, listenTo(channel)).then(
        () => this.#call(handler, null),
        (error: unknown) => this.#lost(client, error),
      );
    }
    return () => void handlers.delete(handler);
  }

  async open(): Promise<void> {
    const client = new pg.Client(connectionOptions(this.#options.connectionString));
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("the connection that listens was closed")));
    client.on("notification", ({ channel, payload }) => this.#heard(channel, payload ?? ""));
    try {
      await client.connect();
      // Set before LISTEN: a channel added meanwhile is listened to by `on` itself, and twice does no harm.
      const channels = [...this.#handlers.keys()];
      this.#client = client;
      for (const channel of channels) await this.#query(client, listenTo(channel));
    } catch (error) {
      this.#client = null;
      client.end().catch(() => undefined);
      throw error;
    }
    if (this.#closed) return await this.close();
    for (const handlers of this.#handlers.values()) for (const handler of handlers) this.#call(handler, null);
    this.#timer = setTimeout(() => this.#check(client), CHECK_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  #heard(channel: string, payload: string): void {
    for (const handler of this.#handlers.get(channel) ?? []) this.#call(handler, payload);
  }

  #call(handler: NotificationHandler, payload: string | null): void {
    (async () => await handler(payload))().catch(this.#options.onError);
  }

  /** A link that died without a word (a pulled cable, a frozen server) is found by asking. */
  #check(client: pg.Client): void {
    const deadline = setTimeout(() => this.#lost(client, new Error("the connection that listens is silent")), CHECK_MS);
    this.#query(client, "select 1").then(
      () => {
        clearTimeout(deadline);
        if (this.#client === client) this.#timer = setTimeout(() => this.#check(client), CHECK_MS);
      },
      () => clearTimeout(deadline),
    );
  }

  #query(client: pg.Client, text: string): Promise<unknown> {
    const done = this.#queue.then(() => client.query(text));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = null;
    // A statement on the lost connection may never end.
    this.#queue = Promise.resolve();
    this.#options.onError(error);
    client.end().catch(() => undefined);
    this.#retry();
  }

  #retry(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.open().catch(() => this.#retry()), RECONNECT_MS);
  }
}

function listenTo(channel: string): string {
  return `listen ${pg.escapeIdentifier(channel)}`;
}
