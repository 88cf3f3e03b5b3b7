import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Api, OperationName } from "@evenkeel/contracts/api";
import type { BodyOf, EndpointShape, ParamsOf, QueryOf, ReplyOf } from "@evenkeel/contracts/endpoint";
import type { HostId, PrincipalId, TenantId, TokenId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import type { Database } from "../database.ts";

/** Who asks with an access token, and what he may. */
export interface Caller {
  readonly kind: "principal";
  readonly tenantId: TenantId;
  readonly principalId: PrincipalId;
  readonly principalName: string;
  /** The token that he asks with. */
  readonly tokenId: TokenId;
  /** Patterns `noun:verb`, where either side may be `*`. */
  readonly may: readonly string[];
  /** When his token ends; null = never. */
  readonly expiresAt: string | null;
}

/** An agent that asks with its host's credential. */
export interface HostCaller {
  readonly kind: "host";
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly hostName: string;
}

type CallerOf<E extends EndpointShape> = E["needs"] extends "public"
  ? null
  : E["needs"] extends "host-credential"
    ? HostCaller
    : Caller;

/** One server-sent event; `id` is what a client that comes back sends as `Last-Event-ID`. */
export interface ServerEvent {
  readonly id?: string;
  readonly data: unknown;
  /** The data as JSON, where it was made already. */
  readonly json?: string;
}

/** A reply of bytes, with its own status and headers. */
export interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: Readable;
}

type BodyFor<E> = E extends { bodyKind: "raw" } ? Readable : BodyOf<E>;
type ReplyFor<E> = E extends { replyKind: "events" }
  ? AsyncIterable<ServerEvent>
  : E extends { replyKind: "raw" }
    ? RawReply
    : E extends { status: 204 }
      ? undefined
      : ReplyOf<E>;

/** What the audit entry of this request says beside who, when and which permission. */
export interface AuditNote {
  /** `noun/id-or-name`; without it: the noun of the permission and the first parameter of the path, or the id in the reply. */
  resource?: string;
  details?: Record<string, unknown>;
  /** On an endpoint that needs no token: who did what, once the handler knows. */
  as?: { readonly tenantId: TenantId; readonly principal: string; readonly action: string };
}

/** One request, parsed and permitted. */
export interface RequestOf<Name extends OperationName> {
  readonly params: ParamsOf<Api[Name]>;
  readonly query: QueryOf<Api[Name]>;
  readonly body: BodyFor<Api[Name]>;
  readonly caller: CallerOf<Api[Name]>;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the client leaves, and for streams when the process is asked to end. */
  readonly signal: AbortSignal;
  readonly traceId: string;
  readonly address: string;
  readonly audit: AuditNote;
  /** Sends this cookie with the answer, unless it is refused. */
  setCookie(cookie: string): void;
  /**
   * Runs the effect in one transaction, together with its audit entry and, where the endpoint takes an `Idempotency-Key`, with the
   * answer that the same key gets again. At most once per request; `fn` touches nothing but the database, for it may run again.
   */
  effect(fn: (tx: Transaction<Database>) => Promise<ReplyFor<Api[Name]>>): Promise<ReplyFor<Api[Name]>>;
}

export type Handler<Name extends OperationName> = (request: RequestOf<Name>) => Promise<ReplyFor<Api[Name]>>;

/** What a slice's `endpoints.ts` gives for its operations. */
export type Handlers<Names extends OperationName> = { readonly [Name in Names]: Handler<Name> };
