import type { HeapInfo } from "node:v8";
import type { MessagePort } from "node:worker_threads";
import type { BundleFacts } from "@evenkeel/contracts/module";
import { type Facts, isErrorCode, PlatformError } from "@evenkeel/contracts/platform-error";
import type { CacheUse } from "../inline/compile.ts";
import type { Closing } from "../lifecycle/connection.ts";

/** What a worker is started with. */
export interface WorkerStart {
  readonly facts: BundleFacts;
  readonly code: Uint8Array;
  readonly cache: Uint8Array | null;
  /** From which file each shared library is found. */
  readonly libraries: Readonly<Record<string, { readonly version: string; readonly from: string }>>;
  /** Where it listens for the requests of its routes. */
  readonly socketPath: string;
}

/** What the worker of an active module offers; all of it is called by name. */
export interface WorkerOffer {
  readonly routes: readonly string[];
  readonly upgrades: readonly string[];
  /** Methods by service. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly events: readonly string[];
  readonly jobs: readonly string[];
  readonly components: readonly string[];
  readonly snippet: boolean;
  readonly health: boolean;
}

/** A function on the other side. */
export type Callee =
  | { readonly kind: "activate" | "shutdown" | "snippet" | "health" | "pulse" }
  | { readonly kind: "hang-up"; readonly closing: Closing }
  | { readonly kind: "service"; readonly name: string; readonly method: string }
  | { readonly kind: "event" | "job" | "component" | "emit"; readonly name: string };

/** Buffers lie outside the heap, and V8's cap does not see them. */
export const heldBy = (heap: HeapInfo): number => heap.used_heap_size + heap.external_memory;

/** Of the thread itself. */
export interface ThreadFacts {
  /** As the system counts threads; null: it does not tell. */
  readonly id: number | null;
  /** What its heap held before the module came, which is not the module's. */
  readonly ownBytes: number;
}

export type WireMessage =
  | { readonly kind: "loaded"; readonly cache: CacheUse; readonly loadMs: number; readonly thread: ThreadFacts }
  | { readonly kind: "failed"; readonly error: WireError }
  | { readonly kind: "log"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly kind: "call"; readonly id: number; readonly callee: Callee; readonly args: readonly unknown[] }
  | { readonly kind: "answer"; readonly id: number; readonly value?: unknown; readonly error?: WireError };

/** An error on its way between threads: errors lose their class there. */
export interface WireError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly facts: Facts | undefined;
}

export function toWire(error: unknown): WireError {
  const known = error instanceof PlatformError ? error : undefined;
  // The stack of what the module threw, where one of ours stands around it.
  const { stack } =
    known?.cause instanceof Error ? known.cause : error instanceof Error ? error : new Error(String(error));
  const message = error instanceof Error ? error.message : String(error);
  return { message, stack, code: known?.code, facts: known?.facts };
}

export function fromWire({ message, stack, code, facts }: WireError): Error {
  const cause = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  return isErrorCode(code) ? new PlatformError(code, facts, { cause }) : cause;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Port = Pick<MessagePort, "postMessage">;

/** Calls between two threads. */
export class Calls {
  readonly #port: Port;
  readonly #serve: (callee: Callee, args: readonly unknown[]) => unknown;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #over: Error | null = null;

  constructor(port: Port, serve: (callee: Callee, args: readonly unknown[]) => unknown) {
    this.#port = port;
    this.#serve = serve;
  }

  async call(callee: Callee, args: readonly unknown[] = []): Promise<unknown> {
    if (this.#over !== null) throw this.#over;
    const id = ++this.#lastId;
    return await new Promise<unknown>((resolve, reject) => {
      // Throws where an argument is a function, say: that is the caller's error.
      this.#port.postMessage({ kind: "call", id, callee, args } satisfies WireMessage);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  async answer({ id, callee, args }: Extract<WireMessage, { kind: "call" }>): Promise<void> {
    try {
      const value = await this.#serve(callee, args);
      this.#port.postMessage({ kind: "answer", id, value } satisfies WireMessage);
    } catch (error) {
      this.#port.postMessage({ kind: "answer", id, error: toWire(error) } satisfies WireMessage);
    }
  }

  settle({ id, value, error }: Extract<WireMessage, { kind: "answer" }>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(fromWire(error));
  }

  /** The other side is gone: nobody will answer any more. */
  fail(error: Error): void {
    this.#over = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
