import { createHash } from "node:crypto";
import { type Api, api, type OperationName } from "@evenkeel/contracts/api";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { PlatformError } from "@evenkeel/contracts/error";
import { mayDo } from "@evenkeel/contracts/principal";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";
import type { z } from "zod";
import type { NewAuditEntry } from "../audit/index.ts";
import type { Database } from "../database.ts";
import { writeEvents } from "./events.ts";
import type { AuditNote, Caller, HostCaller, RawReply, RequestOf, ServerEvent } from "./handler.ts";
import { cookieOf, refuseForeign } from "./origin.ts";
import { parseInput, parseQuery } from "./parse.ts";
import { asPlatformError, documentOf } from "./problem.ts";
import { type Seal, sealBy } from "./seal.ts";
import { endWithPermission } from "./stays.ts";
import { type IdempotencyKey, recordRefusal, runEffect } from "./store.ts";

/** Finds who has a secret; null = nobody, any more. */
export interface Credentials {
  principal(secret: string): Promise<Caller | null>;
  host(secret: string): Promise<HostCaller | null>;
}

export interface RespondDeps {
  readonly db: Kysely<Database>;
  readonly credentials: Credentials;
  /** Aborted when the process is asked to end: streams end then. */
  readonly ending: AbortSignal;
  /** Parses each reply by its schema before it leaves; for tests. */
  readonly checkReplies: boolean;
  /** How often it is looked whether who reads a stream may still do so. */
  readonly callerLookMs: number;
}

export interface Route {
  readonly name: OperationName;
  readonly endpoint: Endpoint;
  readonly handler: (request: RequestOf<OperationName>) => Promise<unknown>;
}

/** One request on its way, as far as it is known. */
interface Passage {
  readonly traceId: string;
  readonly address: string;
  readonly audit: AuditNote;
  caller: Caller | HostCaller | null;
  permission: string;
  replayed: boolean;
  readonly cookies: string[];
}

/** Answers one request of an endpoint: who asks, may he, is the input whole, then the slice's handler. */
export async function respond(
  deps: RespondDeps,
  route: Route,
  [request, reply]: [FastifyRequest, FastifyReply],
): Promise<void> {
  const { needs } = route.endpoint;
  const passage: Passage = {
    traceId: request.id,
    address: request.ip,
    audit: {},
    caller: null,
    permission: needs,
    replayed: false,
    cookies: [],
  };
  try {
    passage.caller = await identify(deps.credentials, route.endpoint, request);
    passage.permission = permissionFor(route.endpoint, request.body);
    refuseUnlessPermitted(passage);
    const leaving = new AbortController();
    reply.raw.once("close", () => leaving.abort());
    const streams = route.endpoint.replyKind === "events" || route.endpoint.replyKind === "raw";
    if (streams && route.endpoint.needs !== "public") {
      const ask = async (): Promise<void> =>
        refuseUnlessPermitted({ ...passage, caller: await identify(deps.credentials, route.endpoint, request) });
      endWithPermission({ ask, everyMs: deps.callerLookMs, leaving });
    }
    const signal = streams ? AbortSignal.any([leaving.signal, deps.ending]) : leaving.signal;
    const result = await route.handler(prepare(deps, { route, request, passage, signal }));
    await send(deps, { route, reply, result, passage, signal });
  } catch (error) {
    await fail(deps, { route, request, reply, passage, error });
  }
}

async function identify(
  credentials: Credentials,
  { needs }: Endpoint,
  request: FastifyRequest,
): Promise<Passage["caller"]> {
  if (needs === "public") return null;
  const secret = secretOf(request);
  if (secret === undefined) throw new PlatformError("TOKEN_MISSING");
  if (bearerOf(request) === undefined) refuseForeign(request.headers);
  const host = needs === "host-credential" ? await credentials.host(secret) : null;
  const caller = host ?? (await credentials.principal(secret));
  if (caller === null) throw new PlatformError("TOKEN_UNKNOWN");
  return caller;
}

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer ([^\s]{1,500})$/i.exec(headers.authorization ?? "")?.[1];
}

/** The token of the header, else the session of the cookie. */
function secretOf(request: FastifyRequest): string | undefined {
  return bearerOf(request) ?? cookieOf(request.headers);
}

function permissionFor({ needs }: Endpoint, body: unknown): string {
  if (needs !== "change-kind:create") return needs;
  const kind = typeof body === "object" && body !== null && "kind" in body ? body.kind : undefined;
  if (typeof kind !== "string" || !/^[a-z][a-z-]{0,59}$/.test(kind)) {
    throw new PlatformError("INPUT_INVALID", {
      field: "kind",
      problem: "kind: the name of a kind of change is missing",
    });
  }
  return `${kind}:create`;
}

function refuseUnlessPermitted({ caller, permission }: Passage): void {
  if (caller?.kind !== "principal" || permission === "authenticated") return;
  const principal = nameOf(caller);
  // Not even who may do everything is a host.
  if (permission === "host-credential") throw new PlatformError("HOST_CREDENTIAL_NEEDED", { principal });
  if (!mayDo(caller.may, permission)) throw new PlatformError("PERMISSION_MISSING", { principal, permission });
}

function nameOf(caller: Passage["caller"]): string {
  return caller === null ? "" : caller.kind === "host" ? `host ${caller.hostName}` : caller.principalName;
}

interface Preparation {
  readonly route: Route;
  readonly request: FastifyRequest;
  readonly passage: Passage;
  readonly signal: AbortSignal;
}

function prepare(deps: RespondDeps, preparation: Preparation): RequestOf<OperationName> {
  const { route, request, passage, signal } = preparation;
  const { endpoint } = route;
  const params = parsePart(endpoint.params, request.params);
  const query = parseQuery(endpoint.query, request.query);
  // Without a body the framework parses nothing: then the request itself is the empty stream.
  const body =
    endpoint.bodyKind === "raw" ? (request.body ?? request.raw) : parsePart(endpoint.body, request.body ?? {});
  const key = keyOf(preparation, { params, query, body });
  const effect = async (fn: Parameters<RequestOf<OperationName>["effect"]>[0]): Promise<unknown> => {
    const audit = (reply: unknown) => auditEntry(passage, { reply, params, outcome: "done", code: null });
    const done = await runEffect(deps.db, { key, fn, audit });
    passage.replayed = done.replayed;
    return done.reply;
  };
  const { headers } = request;
  const { traceId, address, audit, caller } = passage;
  // The pair of endpoint and handler was checked by the compiler where the handlers were put together.
  return {
    params,
    query,
    body,
    caller,
    headers,
    signal,
    traceId,
    address,
    audit,
    setCookie: (cookie: string) => void passage.cookies.push(cookie),
    effect,
  } as unknown as RequestOf<OperationName>;
}

function parsePart(schema: z.ZodType | undefined, value: unknown): unknown {
  return schema === undefined ? undefined : parseInput(schema, value);
}

function keyOf({ route, passage: { caller }, request }: Preparation, input: object): IdempotencyKey | null {
  const header = request.headers["idempotency-key"];
  if (route.endpoint.idempotent !== true || header === undefined || caller?.kind !== "principal") return null;
  if (typeof header !== "string" || !/^[\x21-\x7e]{1,200}$/.test(header)) {
    throw new PlatformError("INPUT_INVALID", {
      field: "Idempotency-Key",
      problem: "Idempotency-Key: 1 to 200 visible characters",
    });
  }
  const requestDigest = createHash("sha256").update(canonicalJson(input)).digest("hex");
  return { caller, operation: route.name, key: header, requestDigest, seal: sealFor(route, request, header) };
}

function sealFor({ name, endpoint }: Route, request: FastifyRequest, key: string): Seal | null {
  const secret = secretOf(request);
  if (endpoint.secrets === undefined || secret === undefined) return null;
  return sealBy({ fields: endpoint.secrets, secret, context: `${name} ${key}` });
}

interface Sending extends Omit<Preparation, "request"> {
  readonly reply: FastifyReply;
  readonly result: unknown;
}

async function send(deps: RespondDeps, { route, reply, result, passage, signal }: Sending): Promise<void> {
  const { endpoint } = route;
  reply.header("x-trace-id", passage.traceId);
  if (passage.cookies.length > 0) reply.header("set-cookie", [...passage.cookies]);
  if (passage.replayed) reply.header("idempotent-replayed", "true");
  if (endpoint.replyKind === "events") {
    reply.hijack();
    reply.raw.setHeader("x-trace-id", passage.traceId);
    return await writeEvents(reply.raw, result as AsyncIterable<ServerEvent>, signal);
  }
  if (endpoint.replyKind === "raw") {
    const { status, headers, stream } = result as RawReply;
    signal.addEventListener("abort", () => stream.destroy(), { once: true });
    return void reply.code(status).headers(headers).send(stream);
  }
  if (endpoint.reply === undefined) return void reply.code(endpoint.status ?? 204).send();
  const shown = deps.checkReplies ? endpoint.reply.parse(result) : result;
  reply
    .code(endpoint.status ?? 200)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(shown));
}

interface Failure {
  readonly route: Route;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly passage: Passage;
  readonly error: unknown;
}

async function fail(deps: RespondDeps, { route, request, reply, passage, error }: Failure): Promise<void> {
  const problem = asPlatformError(error, passage.traceId);
  const level = problem.code === "INTERNAL" ? "error" : "info";
  request.log[level](
    { err: problem.code === "INTERNAL" ? error : undefined, code: problem.code, operation: route.name },
    "refused",
  );
  const verb = route.endpoint.method !== "GET";
  const entry =
    verb || problem.code === "PERMISSION_MISSING"
      ? auditEntry(passage, { reply: null, params: request.params, outcome: "refused", code: problem.code })
      : null;
  if (entry !== null) {
    const details = { ...entry.details, ...problem.facts };
    await recordRefusal(deps.db, { ...entry, details }).catch((failure: unknown) =>
      request.log.error({ err: failure }, "a refusal could not be recorded"),
    );
  }
  if (reply.sent || reply.raw.headersSent) return void reply.raw.destroy();
  sendProblem(reply, problem, passage.traceId);
}

/** Sends the problem document of an error. */
export function sendProblem(reply: FastifyReply, problem: PlatformError, traceId: string): void {
  const document = documentOf(problem, traceId);
  reply
    .code(document.status)
    .header("x-trace-id", traceId)
    .type("application/problem+json")
    .send(JSON.stringify(document));
}

interface Told {
  readonly reply: unknown;
  readonly params: unknown;
  readonly outcome: "done" | "refused";
  readonly code: string | null;
}

function auditEntry(passage: Passage, told: Told): NewAuditEntry | null {
  const actor = actorOf(passage);
  if (actor === null) return null;
  const { audit, address, traceId } = passage;
  const noun = actor.action.split(":")[0] ?? "";
  const named = Object.values((told.params as Record<string, string> | undefined) ?? {})[0] ?? idIn(told.reply);
  return {
    ...actor,
    resource: audit.resource ?? (named === null ? noun : `${noun}/${named}`),
    outcome: told.outcome,
    code: told.code,
    details: { ...audit.details, traceId },
    address,
  };
}

function actorOf({
  caller,
  permission,
  audit,
}: Passage): Pick<NewAuditEntry, "tenantId" | "principal" | "action"> | null {
  if (caller === null) return audit.as ?? null;
  return { tenantId: caller.tenantId, principal: nameOf(caller), action: permission };
}

function idIn(reply: unknown): string | null {
  return typeof reply === "object" && reply !== null && "id" in reply && typeof reply.id === "string" ? reply.id : null;
}

/** Every endpoint by name. */
export const ENDPOINTS: Readonly<Record<OperationName, Endpoint>> = api satisfies Api;
