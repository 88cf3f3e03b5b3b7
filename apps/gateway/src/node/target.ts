import type { IncomingMessage } from "node:http";

/** Where a request goes: the host as the client named it, and the path with query. */
export interface Target {
  readonly host: string;
  readonly path: string;
}

const HOST = /^(?:[\w.~%-]*|\[[\da-f:.]+\])(?::\d*)?$/i;

/** The target of a request, or in words why it has none that all on the way would read alike. */
export function readTarget(req: IncomingMessage): Target | string {
  const { headers, httpVersion, url = "" } = req;
  const encoding = headers["transfer-encoding"];
  // Only its frame would be taken off: the application would get something else than was meant.
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked") return `the transfer encoding ${encoding}`;
  if (headers.host === undefined && httpVersion === "1.1") return "no Host header";
  const target = splitUrl(url, headers.host ?? "");
  if (target === null) return `the target ${url} is neither a path nor an address`;
  return HOST.test(target.host) ? target : `the host ${target.host} is no name`;
}

function splitUrl(url: string, host: string): Target | null {
  if (url.includes("#")) return null;
  if (url.startsWith("/")) return { host, path: url };
  // The form for proxies; its host counts, not the header's.
  const [, named, path] = /^https?:\/\/([^/?]+)(.*)/i.exec(url) ?? [];
  if (named === undefined || path === undefined) return null;
  return { host: named, path: path.startsWith("/") ? path : `/${path}` };
}
