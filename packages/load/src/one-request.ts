import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { FailureKind, Kind } from "./report.ts";

/** Where and what one request asks. */
export interface RequestSpec {
  readonly url: URL;
  readonly hostHeader: string | undefined;
  readonly kind: Kind;
  readonly timeoutMs: number;
  readonly bodyBytes: number;
}

export type Outcome =
  | { readonly ok: true; readonly version: string }
  | { readonly ok: false; readonly kind: FailureKind; readonly error: string };

/** Connections that are kept, for the requests that use them. */
export function keptConnections(): Agent {
  return new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, scheduling: "lifo" });
}

let posted = 0;

/**
 * Sends one request, once, and reports how it ended. Whatever goes wrong is a failure, on a kept connection that died
 * too: a client that tried again would hide what it is here to find.
 */
export function sendOnce(kept: Agent, spec: RequestSpec): Promise<Outcome> {
  const { url, hostHeader, kind, timeoutMs, bodyBytes } = spec;
  const isPost = kind.startsWith("post");
  const body = isPost ? bodyOf(bodyBytes) : null;
  return new Promise((resolve) => {
    const headers: Record<string, string | number> = { host: hostHeader ?? url.host };
    if (body !== null) Object.assign(headers, { "content-type": "text/plain", "content-length": body.length });
    const call = request(url, {
      method: isPost ? "POST" : "GET",
      headers,
      agent: kind.endsWith("kept") ? kept : false,
    });
    const timer = setTimeout(
      () => end({ ok: false, kind: "timeout", error: `no end within ${timeoutMs} ms` }),
      timeoutMs,
    );
    let over = false;
    const end = (outcome: Outcome): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (!outcome.ok) call.destroy();
      resolve(outcome);
    };
    call.on("error", (error: NodeJS.ErrnoException) => end({ ok: false, ...classify(call, error) }));
    call.on("response", (response) => readAnswer(response, body, end));
    call.end(body ?? undefined);
  });
}

/** Another text each time, so that an answer to somebody else's request is found out. */
function bodyOf(bytes: number): Buffer {
  posted += 1;
  return Buffer.from(`${posted} ${"abcdefghij".repeat(Math.ceil(bytes / 10))}`.slice(0, Math.max(bytes, 8)));
}

function classify(call: ClientRequest, error: NodeJS.ErrnoException): { kind: FailureKind; error: string } {
  const kind = error.code === "ECONNREFUSED" || error.syscall === "connect" ? "connect" : "reset";
  return { kind, error: `${error.code ?? error.message}${call.reusedSocket ? " on a kept connection" : ""}` };
}

function readAnswer(response: IncomingMessage, posted_: Buffer | null, end: (outcome: Outcome) => void): void {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  // An answer that ends early is an error of the response, never its end.
  response.on("error", (error) => {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    end({ ok: false, kind: "cut", error: `${error.message} after ${bytes} bytes` });
  });
  response.on("end", () => end(judge(response, Buffer.concat(chunks), posted_)));
}

function judge({ statusCode = 0, headers }: IncomingMessage, answer: Buffer, posted_: Buffer | null): Outcome {
  if (statusCode < 200 || statusCode > 299) {
    return { ok: false, kind: "status", error: `${statusCode} ${answer.toString().slice(0, 200)}` };
  }
  if (posted_ !== null && !answer.equals(posted_)) {
    return { ok: false, kind: "body", error: `${answer.length} bytes came back of ${posted_.length}, or others` };
  }
  const version = headers["x-version"];
  return { ok: true, version: typeof version === "string" ? version : (versionIn(answer) ?? "unknown") };
}

function versionIn(answer: Buffer): string | null {
  try {
    const { version } = JSON.parse(answer.toString()) as { version?: unknown };
    return typeof version === "string" ? version : null;
  } catch {
    return null;
  }
}
