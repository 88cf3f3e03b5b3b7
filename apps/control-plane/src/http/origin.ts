import type { IncomingHttpHeaders } from "node:http";
import { PlatformError } from "@evenkeel/contracts/error";
import { CONSOLE_HEADER, SESSION_COOKIE } from "@evenkeel/contracts/session";

/** The secret in the session's cookie, if there is one. */
export function cookieOf({ cookie }: IncomingHttpHeaders): string | undefined {
  const pairs = (cookie ?? "").split(";").map((pair) => pair.trim().split("="));
  return pairs.find(([name]) => name === SESSION_COOKIE)?.[1] || undefined;
}

/**
 * Refuses what does not surely come from a page of ours: browsers send cookies along whoever asks, so a cookie proves nothing
 * beside the header that no foreign page can add, and beside the origin that the browser itself names.
 */
export function refuseForeign(headers: IncomingHttpHeaders): void {
  if (headers[CONSOLE_HEADER] === undefined || !isOwnOrigin(headers)) throw new PlatformError("ORIGIN_FOREIGN");
}

function isOwnOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  if (headers.origin === undefined) return true;
  // Behind a proxy the address that the browser knows stands in the second.
  const own = [headers.host, headers["x-forwarded-host"]];
  const host = URL.parse(headers.origin)?.host;
  return host !== undefined && own.includes(host);
}

const CREDENTIALS = ["authorization", "cookie", CONSOLE_HEADER];

/** The headers by which a caller is known: a replica that asks another on his behalf sends them along. */
export function credentialsIn(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    CREDENTIALS.flatMap((name) => {
      const value = headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
}
