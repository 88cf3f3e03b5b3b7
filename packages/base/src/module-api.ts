import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Answers a request, as with plain node:http; Express and Koa applications are such functions too. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Takes a connection out of HTTP, as a listener on `upgrade` of node:http does: to a WebSocket, mostly. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => unknown;

// biome-ignore lint/suspicious/noExplicitAny: parameters of a service are its own; whoever calls it says its type.
export type Service = Record<string, (...args: any[]) => any>;

/** What the `activate` of a module gets. */
export interface ModuleContext {
  readonly name: string;
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly console: Console;
  /** A reference to a service of `needs.services`, re-bound when its provider is replaced. */
  service<Type extends object = Service>(name: string): Type;
  /** Tells everybody who has published a subscription to this event. */
  emit(event: string, payload: unknown): Promise<void>;
  /** Is called when the module leaves, higher order first, one after another. */
  onShutdown(hook: () => unknown, order?: number): void;
  /** Aborted when the module leaves. */
  readonly signal: AbortSignal;
}

/** What the `activate` of a module returns: what its manifest promises. */
export interface ModuleOffer {
  /** By path prefix, or one for all of them. */
  readonly routes?: RequestHandler | Readonly<Record<string, RequestHandler>>;
  /** Who takes upgrades below the paths of its routes: one for each path, or one for all of them. */
  readonly upgrades?: UpgradeHandler | Readonly<Record<string, UpgradeHandler>>;
  readonly services?: Readonly<Record<string, object>>;
  readonly events?: Readonly<Record<string, (payload: unknown) => unknown>>;
  readonly jobs?: Readonly<Record<string, () => unknown>>;
  readonly components?: Readonly<Record<string, Component>>;
  readonly snippet?: Snippet;
  /** Throws or answers false when the module is not well. */
  readonly health?: () => unknown;
}

/** One function behind an interface of the base. */
export type Snippet = (input: unknown) => unknown;

/** A link of a chain of the process engine: gets what the one before it answered. */
export type Component = (input: unknown, business: BusinessContext) => unknown;

/** For which business a chain runs, and by which attributes it was chosen. */
export interface BusinessContext {
  readonly business: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What the bundle of a module exports; a snippet may export its function alone. */
export interface ModuleExports {
  readonly activate?: (context: ModuleContext) => ModuleOffer | undefined | Promise<ModuleOffer | undefined>;
  readonly deactivate?: () => unknown;
}
