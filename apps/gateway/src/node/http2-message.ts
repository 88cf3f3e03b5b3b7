// Requests and answers of HTTP/2 in the form in which the rest of this folder knows those of HTTP/1.1.
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { constants, Http2ServerRequest, Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { ReadableOptions } from "node:stream";

export class EdgeRequest extends Http2ServerRequest {
  /** HTTP/2 tells it by its frames, not by a header. */
  readonly hasBody: boolean;

  // biome-ignore lint/complexity/useMaxParams: the signature is Node's.
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    options: ReadableOptions,
    rawHeaders: readonly string[],
  ) {
    const authority = headers[":authority"];
    if (typeof authority === "string") headers.host ??= authority;
    super(stream, headers, options, plainHeaders(rawHeaders));
    this.hasBody = !stream.endAfterHeaders;
  }
}

export class EdgeResponse extends Http2ServerResponse<EdgeRequest> {
  /** An answer ends no connection here. */
  shouldKeepAlive = true;

  /** There are no words beside the status. */
  override writeHead(status: number, words?: unknown, headers?: OutgoingHttpHeaders | readonly string[]): this {
    return super.writeHead(status, headers ?? (typeof words === "string" ? [] : (words as readonly string[])));
  }

  /** By itself it would end without an error, as if the answer were whole. */
  override destroy(): this {
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return this;
  }
}

/** Without what HTTP/2 puts among the headers; a cookie that was taken apart is one again, and the authority is the host. */
function plainHeaders(raw: readonly string[]): string[] {
  const list: string[] = [];
  const cookies: string[] = [];
  const hosts = new Set<string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    if (name === "cookie") cookies.push(value);
    else if (name === "host" || name === ":authority") hosts.add(value);
    else if (!name.startsWith(":")) list.push(name, value);
  }
  // Two that differ are as ambiguous as two Host headers.
  for (const host of hosts) list.push("host", host);
  if (cookies.length > 0) list.push("cookie", cookies.join("; "));
  return list;
}
