import { API_PREFIX } from "@evenkeel/contracts/api";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { ERRORS, PlatformError, ProblemDocument } from "@evenkeel/contracts/error";
import { parseReply } from "./reply.ts";

/** What one call may carry; the typed view of it is `CallInput`. */
export interface RawInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default 30 s; for a stream: until its headers. */
  readonly timeoutMs?: number;
}

/** How a client reaches control planes. */
export interface CallerOptions {
  /** One control plane or several of one installation; the next is taken when one does not answer. */
  readonly url: string | readonly string[];
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch;
  /** How long a control plane that has answered before may be away (a restart) before a call that is safe to repeat gives up. */
  readonly patienceMs?: number;
}

/** Makes requests for endpoints of the contracts and turns every failure into a PlatformError. */
export interface Caller {
  /** The reply of an endpoint, checked against its schema. */
  call(endpoint: Endpoint, input: RawInput): Promise<unknown>;
  /** The body of a reply that is a stream. One attempt on one control plane; the next attempt goes to the next. */
  open(endpoint: Endpoint, input: RawInput): Promise<ReadableStream<Uint8Array>>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_PATIENCE_MS = 15_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/** What the calls of one client share. */
interface Line {
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly ask: typeof fetch;
  readonly patienceMs: number;
  /** Index of the control plane that the next request goes to. */
  current: number;
  /** Somebody has answered before, so it is worth waiting for him. */
  answered: boolean;
}

/** Makes the transport below a client. */
export function createCaller(options: CallerOptions): Caller {
  const line: Line = {
    urls: (typeof options.url === "string" ? [options.url] : options.url).map((url) => url.replace(/\/+$/, "")),
    token: options.token,
    ask: options.fetch ?? fetch,
    patienceMs: options.patienceMs ?? DEFAULT_PATIENCE_MS,
    current: 0,
    answered: false,
  };
  return {
    async call(endpoint, input) {
      const headers = { ...(endpoint.idempotent && { "idempotency-key": newKey() }), ...input.headers };
      const response = await repeated(line, endpoint, { ...input, headers });
      if (endpoint.reply === undefined) return undefined;
      return parseReply(endpoint.reply, await response.text(), urlOf(line));
    },
    async open(endpoint, input) {
      const response = await once(line, endpoint, input);
      if (response.body === null) throw new PlatformError("CONTROL_PLANE_UNREACHABLE", { url: urlOf(line) });
      return response.body;
    },
  };
}

/** Not `randomUUID`: browsers have that only on pages that came by https or from this machine. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const urlOf = (line: Line): string => line.urls[line.current % line.urls.length] ?? "";

async function repeated(line: Line, endpoint: Endpoint, input: RawInput): Promise<Response> {
  const until = performance.now() + line.patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(line, endpoint, input);
    } catch (error) {
      const waitMs = mayRepeat(endpoint, error) ? pauseBefore(line, attempt, isBusy(error)) : null;
      if (waitMs === null || (waitMs > 0 && performance.now() > until)) throw error;
      await pause(waitMs, input.signal);
    }
  }
}

/** Null where nobody is worth waiting for; 0 where another control plane is still untried. */
function pauseBefore(line: Line, attempt: number, busy: boolean): number | null {
  if (attempt < line.urls.length) return 0;
  if (!line.answered && !busy) return null;
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempt - line.urls.length), LONGEST_PAUSE_MS);
}

async function once(line: Line, endpoint: Endpoint, input: RawInput): Promise<Response> {
  const url = urlOf(line);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), input.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const signal = input.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, input.signal]);
  try {
    const response = await line.ask(url + API_PREFIX + pathOf(endpoint, input), {
      method: endpoint.method,
      headers: headersOf(endpoint, input, line.token),
      signal,
      ...bodyOf(endpoint, input),
    });
    if (!response.ok) throw await errorOf(response, { line, url });
    line.answered = true;
    return endpoint.replyKind === "events" || endpoint.replyKind === "raw" ? response : await whole(response);
  } catch (error) {
    if (error instanceof PlatformError || input.signal?.aborted) throw error;
    line.current += 1;
    throw new PlatformError("CONTROL_PLANE_UNREACHABLE", { url }, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the body while the call's time-out still counts. */
async function whole(response: Response): Promise<Response> {
  const bytes = await response.arrayBuffer();
  const empty = response.status === 204;
  return new Response(empty ? null : bytes, { status: response.status, headers: response.headers });
}

function pathOf(endpoint: Endpoint, input: RawInput): string {
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(input.params?.[name] ?? "")),
  );
  const given = Object.entries(input.query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

function headersOf(endpoint: Endpoint, input: RawInput, token: string | undefined): Record<string, string> {
  const type = endpoint.bodyKind === "raw" ? "application/octet-stream" : "application/json";
  return {
    accept: endpoint.replyKind === "events" ? "text/event-stream" : "application/json",
    ...(input.body === undefined && endpoint.body === undefined ? {} : { "content-type": type }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...input.headers,
  };
}

function bodyOf(endpoint: Endpoint, input: RawInput): { body?: string | Uint8Array<ArrayBuffer> } {
  if (endpoint.bodyKind === "raw") return { body: input.body as Uint8Array<ArrayBuffer> };
  if (endpoint.body === undefined) return {};
  return { body: JSON.stringify(input.body ?? {}) };
}

/** The error that a problem document tells of. */
async function errorOf(
  response: Response,
  { line, url }: { readonly line: Line; readonly url: string },
): Promise<PlatformError> {
  const text = await response.text();
  const parsed = ProblemDocument.safeParse(jsonOrNull(text));
  // Also who says that he has no database just now is there, and worth waiting for.
  line.answered ||= parsed.success;
  if (parsed.success) return new PlatformError(parsed.data.code, parsed.data.facts);
  const problem = `it answers ${response.status}, which is not an answer of the API`;
  return new PlatformError("REPLY_NOT_UNDERSTOOD", { url, problem });
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Reading, and what goes under a key, is repeated always; everything else only where the request surely did nothing. */
function mayRepeat(endpoint: Endpoint, error: unknown): boolean {
  if (!(error instanceof PlatformError)) return false;
  if (isBusy(error)) return endpoint.idempotent === true;
  const away = error.code === "CONTROL_PLANE_UNREACHABLE";
  if (!away && error.code !== "UNAVAILABLE") return false;
  return endpoint.method === "GET" || endpoint.idempotent === true || (away && wasRefused(error.cause));
}

function isBusy(error: unknown): boolean {
  return error instanceof PlatformError && ERRORS[error.code].retry === "same-key-now";
}

/** True where no connection was made at all. Browsers do not tell; then it is false. */
function wasRefused(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown; errors?: { code?: unknown }[] }) : undefined;
  const codes = cause?.errors?.map((each) => each.code) ?? [cause?.code];
  return codes.length > 0 && codes.every((code) => code === "ECONNREFUSED");
}

/** Waits, and no longer than until the signal. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
