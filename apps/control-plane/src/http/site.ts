import type { FastifyReply, FastifyRequest } from "fastify";

/** One file as it is sent. */
export interface Page {
  readonly bytes: Buffer;
  /** The same in fewer bytes, made when it was built; null = not worth it. */
  readonly br: Buffer | null;
  readonly gzip: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** What browsers get beside the API. */
export interface Site {
  find(path: string): Page | null;
  /** For every address of the console: which of its pages that is, it sees itself. */
  readonly entry: Page;
}

/** Answers with a page where a person's browser asks for one; false = this is not for the site. */
export function sendPage(site: Site | null, request: FastifyRequest, reply: FastifyReply): boolean {
  const page = site === null ? null : findPage(site, request);
  if (page === null) return false;
  reply.headers(page.headers).header("vary", "accept-encoding");
  if (request.headers["if-none-match"] === page.headers.etag) {
    reply.code(304).send();
    return true;
  }
  const encoding = encodingFor(page, String(request.headers["accept-encoding"] ?? ""));
  if (encoding !== undefined) reply.header("content-encoding", encoding);
  reply.code(200).send((encoding !== undefined && page[encoding]) || page.bytes);
  return true;
}

/** The smallest that the browser takes; `q=0` refuses one by name. */
function encodingFor(page: Page, accepted: string): "br" | "gzip" | undefined {
  const taken = accepted.split(",").flatMap((each) => {
    const [, name, weight] = /^\s*([\w*-]+)(?:\s*;\s*q=([\d.]+))?\s*$/.exec(each) ?? [];
    return name === undefined || Number(weight ?? 1) === 0 ? [] : [name.toLowerCase()];
  });
  return (["br", "gzip"] as const).find((encoding) => page[encoding] !== null && taken.includes(encoding));
}

function findPage(site: Site, request: FastifyRequest): Page | null {
  if (request.method !== "GET" && request.method !== "HEAD") return null;
  const path = request.url.split("?")[0] ?? "/";
  if (path === "/api" || path.startsWith("/api/")) return null;
  return site.find(path) ?? (asksForPage(request, path) ? site.entry : null);
}

/** A file that is not there is missing, and no page: a script must not get the entry instead. */
function asksForPage({ headers }: FastifyRequest, path: string): boolean {
  return /\btext\/html\b/.test(headers.accept ?? "") && !path.startsWith("/assets/");
}
