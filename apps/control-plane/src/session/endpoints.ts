import type { IncomingHttpHeaders } from "node:http";
import { PlatformError } from "@evenkeel/contracts/error";
import { type CreateSession, SESSION_COOKIE } from "@evenkeel/contracts/session";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../database.ts";
import { type Caller, type Handlers, refuseForeign } from "../http/index.ts";
import {
  findCaller,
  findToken,
  insertToken,
  newLinkSecret,
  newSecret,
  readCaller,
  revokeToken,
  secretDigest,
} from "../principal/index.ts";
import { insertLink, useLink } from "./store.ts";

export interface SessionDeps {
  readonly db: Kysely<Database>;
  /** The next request here must not pass with the token of this digest. */
  readonly onRevoked: (digest: string) => void;
}

/** A day's work; a token that ends earlier ends its sessions earlier. */
const SESSION_SECONDS = 12 * 3600;

export function sessionHandlers({
  onRevoked,
}: SessionDeps): Handlers<"createLoginLink" | "createSession" | "endSession"> {
  return {
    createLoginLink: async ({ caller: { tenantId, tokenId }, body: { validSeconds }, effect, audit }) => {
      audit.resource = `token/${tokenId}`;
      audit.details = { validSeconds };
      const link = newLinkSecret();
      return await effect(async (tx) => ({
        link,
        expiresAt: await insertLink(tx, { digest: secretDigest(link), tenantId, tokenId, validSeconds }),
      }));
    },
    createSession: async ({ body, headers, effect, audit, setCookie }) => {
      refuseForeign(headers);
      const secret = newSecret();
      const session = await effect(async (tx) => {
        const opener = await openerOf(tx, body);
        const { tenantId, principalName: principal } = opener;
        audit.as = { tenantId, principal, action: "session:create" };
        audit.resource = `token/${opener.tokenId}`;
        audit.details = { by: "link" in body ? "login link" : "access token" };
        return { principal, expiresAt: await openSession(tx, opener, secret) };
      });
      setCookie(cookie(secret, headers, `Max-Age=${SESSION_SECONDS}`));
      return session;
    },
    endSession: async ({ caller: { tenantId, tokenId }, headers, effect, audit, setCookie }) => {
      audit.resource = `token/${tokenId}`;
      let digests: string[] = [];
      await effect(async (tx) => {
        const token = await findToken(tx, { tenantId, tokenId });
        // Who asks with an access token has nothing to end: that is not thrown away by a slip.
        digests = token?.kind === "session" ? await revokeToken(tx, tenantId, tokenId) : [];
      });
      for (const digest of digests) onRevoked(digest);
      setCookie(cookie("", headers, "Max-Age=0"));
    },
  };
}

/** Who opens the session: whoever has the token, or made the link. */
async function openerOf(tx: Transaction<Database>, body: CreateSession): Promise<Caller> {
  const opener = "link" in body ? await byLink(tx, body.link) : await findCaller(tx, secretDigest(body.token));
  if (opener === null) throw new PlatformError("link" in body ? "LOGIN_LINK_UNKNOWN" : "TOKEN_UNKNOWN");
  return opener;
}

async function byLink(tx: Transaction<Database>, link: string): Promise<Caller | null> {
  const tokenId = await useLink(tx, secretDigest(link));
  if (tokenId === "used") throw new PlatformError("LOGIN_LINK_USED");
  return tokenId === null ? null : await readCaller(tx, tokenId);
}

async function openSession(tx: Transaction<Database>, opener: Caller, secret: string): Promise<string> {
  const { tenantId, principalId, may, tokenId: sessionOf, expiresAt: notAfter } = opener;
  const digest = secretDigest(secret);
  const validSeconds = SESSION_SECONDS;
  const made = await insertToken(tx, { tenantId, principalId, may, digest, validSeconds, notAfter, sessionOf });
  const token = await findToken(tx, { tenantId, tokenId: made });
  return token?.expiresAt ?? "";
}

/** Only below the API, so that applications on other ports of this machine do not get it with every page. */
function cookie(secret: string, headers: IncomingHttpHeaders, age: string): string {
  const secure = headers.origin?.startsWith("https:") ? "; Secure" : "";
  return `${SESSION_COOKIE}=${secret}; Path=/api/v1; HttpOnly; SameSite=Strict; ${age}${secure}`;
}
