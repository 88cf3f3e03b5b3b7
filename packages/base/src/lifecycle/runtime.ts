import type { EventEmitter } from "node:events";
import type { OpenThing } from "@evenkeel/contracts/base-protocol";
import type { CacheUse } from "../inline/compile.ts";
import type { Component, RequestHandler, Snippet, UpgradeHandler } from "../module-api.ts";
import type { Closing, Connection } from "./connection.ts";

/** What a module offers, whatever its isolation; all of it is entered through `Runtime.enter`. */
export interface Offer {
  readonly routes: ReadonlyMap<string, RequestHandler>;
  readonly upgrades: ReadonlyMap<string, UpgradeHandler>;
  readonly services: ReadonlyMap<string, object>;
  readonly events: ReadonlyMap<string, (payload: unknown) => unknown>;
  readonly jobs: ReadonlyMap<string, () => unknown>;
  readonly components: ReadonlyMap<string, Component>;
  readonly snippet: Snippet | null;
  readonly health: (() => unknown) | null;
}

/** What was open when a module left. */
export interface Disposal {
  readonly closed: readonly OpenThing[];
  readonly left: readonly OpenThing[];
}

/** One running copy of a module, in the base's isolate or in a worker. */
export interface Runtime {
  readonly cache: CacheUse;
  /** Time that loading its code took, in ms. */
  readonly loadMs: number;
  activate(): Promise<Offer>;
  /** Runs code of the module as its own. */
  enter<Result>(work: () => Result): Result;
  /** Code of the module that listens to this thing of the base runs as its own; what it throws there is told. */
  lend(emitter: EventEmitter, failed: (error: unknown) => void): void;
  /** Ends these connections, which it has taken, in order. */
  hangUp(connections: Iterable<Connection>, closing: Closing): void;
  /** Its shutdown hooks, in their order. */
  shutdown(): Promise<void>;
  /** Closes what it has opened and lets go of it. */
  dispose(): Promise<Disposal>;
  /** Is collected when nothing holds the code of the module any more. */
  readonly trace: WeakRef<object>;
}
