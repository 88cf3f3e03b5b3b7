/** How a request is sent: on a connection of its own or on one that is kept, with or without a body. */
export const KINDS = ["get-new", "get-kept", "post-new", "post-kept"] as const;
export type Kind = (typeof KINDS)[number];

/** What is sent where, and how often. */
export interface LoadOptions {
  /** Address of the gateway, with the path to ask for. */
  readonly url: string;
  /** Host header, where it is not the address's own. */
  readonly hostHeader?: string;
  /** Requests per second, sent at their time even when earlier ones are slow. */
  readonly rate: number;
  /** Shares of the kinds; default: all the same. */
  readonly mix?: Partial<Record<Kind, number>>;
  /** A request that takes longer has failed; default 5 s. */
  readonly timeoutMs?: number;
  /** Size of the bodies that are posted and expected back; default 512 bytes. */
  readonly bodyBytes?: number;
  /** More requests than this are not kept open at once: those beyond it count as failed, unsent; default 2000. */
  readonly maxInFlight?: number;
  /** So many failures are told one by one; default 20. */
  readonly keptFailures?: number;
}

/** `overload` = not sent, because too many were open; `body` = whole, but not what was posted. */
export type FailureKind = "connect" | "reset" | "timeout" | "cut" | "status" | "body" | "overload";

/** One request that failed. */
export interface Failure {
  readonly at: string;
  /** When the request was sent. */
  readonly sentAt: string;
  readonly elapsedMs: number;
  readonly kind: FailureKind;
  readonly request: Kind;
  readonly error: string;
}

/** Counts over some time. */
export interface Counts {
  readonly requests: number;
  readonly failed: number;
  readonly byVersion: Readonly<Record<string, number>>;
  /** Of answered requests, from the moment they were due to their last byte; null when there were none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** One second of the load; requests are counted when they end. */
export interface Second extends Counts {
  readonly second: number;
}

/** What happened between two marks. */
export interface Window extends Counts {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Everything up to now. */
export interface LoadSnapshot extends Counts {
  readonly elapsedMs: number;
  readonly sent: number;
  readonly ok: number;
  readonly inFlight: number;
  readonly byKind: Readonly<Record<Kind, { readonly ok: number; readonly failed: number }>>;
}

/** Everything, at the end. */
export interface LoadReport extends LoadSnapshot {
  /** The first `keptFailures`. */
  readonly failures: readonly Failure[];
  readonly failuresByKind: Readonly<Partial<Record<FailureKind, number>>>;
  readonly timeline: readonly Second[];
  readonly windows: readonly Window[];
}
