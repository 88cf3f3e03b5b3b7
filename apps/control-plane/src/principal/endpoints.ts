import { PlatformError } from "@evenkeel/contracts/error";
import type { CreatedToken, CreateToken } from "@evenkeel/contracts/principal";
import { mayDo } from "@evenkeel/contracts/principal";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../database.ts";
import { type Caller, type Handlers, pageStart, toPage } from "../http/index.ts";
import { tenantName } from "../tenant/index.ts";
import { newSecret, secretDigest } from "./secret.ts";
import { ensurePrincipal, findToken, getPrincipal, grantedTo, insertToken, readTokens, revokeToken } from "./store.ts";

export interface PrincipalDeps {
  readonly db: Kysely<Database>;
  /** The next request here must not pass with the token of this digest. */
  readonly onRevoked: (digest: string) => void;
}

export function principalHandlers({
  db,
  onRevoked,
}: PrincipalDeps): Handlers<"whoAmI" | "listTokens" | "createToken" | "revokeToken"> {
  return {
    whoAmI: async ({ caller }) => ({
      principal: await getPrincipal(db, caller.principalId),
      may: [...caller.may],
      tenant: await tenantName(db, caller.tenantId),
    }),
    listTokens: async ({ caller, query }) => {
      const tokens = await readTokens(db, { tenantId: caller.tenantId, ...pageStart(query) });
      return toPage(tokens, query, { show: (token) => token, keyOf: ({ id }) => id });
    },
    createToken: async ({ caller, body, effect, audit }) => {
      audit.details = { as: body.as, may: body.may };
      const secret = newSecret();
      return await effect((tx) => createToken(tx, caller, { ...body, secret }));
    },
    revokeToken: async ({ caller, params: { tokenId }, effect }) => {
      let digests: string[] = [];
      await effect(async (tx) => {
        digests = await revokeToken(tx, caller.tenantId, tokenId);
        if (digests.length === 0) throw new PlatformError("NOT_FOUND", { resource: `token ${tokenId}` });
      });
      for (const digest of digests) onRevoked(digest);
    },
  };
}

async function createToken(
  tx: Transaction<Database>,
  caller: Caller,
  { as, may, validSeconds, secret }: CreateToken & { readonly secret: string },
): Promise<CreatedToken> {
  refuseMore(caller, may);
  const { tenantId } = caller;
  const principalId = await ensurePrincipal(tx, { tenantId, name: as, kind: "service-account" });
  // Who acts under the name of another can be no less than that one.
  if (principalId !== caller.principalId) refuseMore(caller, await grantedTo(tx, principalId));
  const tokenId = await insertToken(tx, {
    tenantId,
    principalId,
    digest: secretDigest(secret),
    may,
    validSeconds: validSeconds ?? null,
    notAfter: caller.expiresAt,
  });
  const token = await findToken(tx, { tenantId, tokenId });
  return { ...token!, secret };
}

function refuseMore(caller: Caller, may: readonly string[]): void {
  const permission = may.find((pattern) => !mayDo(caller.may, pattern));
  if (permission !== undefined)
    throw new PlatformError("PERMISSION_MISSING", { principal: caller.principalName, permission });
}
