import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Page, Site } from "../http/index.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".json": "application/json; charset=utf-8",
};
/** What lies beside a built file is the same in fewer bytes. */
const PACKED = [".br", ".gz"];

/** Scripts and styles come from here alone, and nobody may frame the page: a click on a button is meant. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const COMMON = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };
const ENTRY = "/index.html";

/** Reads the built console into memory, about two megabytes; null where there is none. */
export async function openSite(folder: string): Promise<Site | null> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const pages = new Map<string, Page>();
  for (const file of files.filter((each) => each.isFile() && !PACKED.includes(extname(each.name)))) {
    const path = join(file.parentPath, file.name);
    pages.set(path.slice(folder.length), await pageOf(path));
  }
  const entry = pages.get(ENTRY);
  if (entry === undefined) return null;
  return {
    find: (path) => pages.get(path) ?? null,
    entry,
  };
}

async function pageOf(path: string): Promise<Page> {
  const bytes = await readFile(path);
  const extension = extname(path);
  const isEntry = extension === ".html";
  return {
    bytes,
    br: await readFile(`${path}.br`).catch(() => null),
    gzip: await readFile(`${path}.gz`).catch(() => null),
    headers: {
      ...COMMON,
      "content-type": TYPES[extension] ?? "application/octet-stream",
      etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
      // Built files carry their content in their names; the page that names them is asked for anew each time.
      "cache-control": isEntry ? "no-cache" : "public, max-age=31536000, immutable",
      ...(isEntry && { "content-security-policy": POLICY }),
    },
  };
}
