import { newId, PrincipalId, type TenantId, TokenId } from "@evenkeel/contracts/id";
import type { Principal, Token } from "@evenkeel/contracts/principal";
import { notify } from "@evenkeel/kit/notify";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import type { Caller } from "../http/index.ts";

/** Tells the digest of a token that was revoked. */
export const TOKEN_CHANNEL = "token";

/** Who has the token with this digest, if it counts still. */
export async function findCaller(db: Kysely<Database>, digest: string): Promise<Caller | null> {
  return await callerWhere(db, { digest });
}

/** Whose token this is, if it counts still. */
export async function readCaller(db: Kysely<Database>, tokenId: TokenId): Promise<Caller | null> {
  return await callerWhere(db, { tokenId });
}

async function callerWhere(
  db: Kysely<Database>,
  which: { readonly digest: string } | { readonly tokenId: TokenId },
): Promise<Caller | null> {
  const row = await db
    .selectFrom("token")
    .innerJoin("principal", "principal.id", "token.principal_id")
    .select(["token.id", "token.tenant_id", "principal_id", "name", "may", "expires_at"])
    .where((eb) => ("digest" in which ? eb("digest", "=", which.digest) : eb("token.id", "=", which.tokenId)))
    .where("revoked_at", "is", null)
    .where(unexpired)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    kind: "principal",
    tenantId: row.tenant_id,
    principalId: row.principal_id,
    principalName: row.name,
    tokenId: row.id,
    may: row.may,
    expiresAt: row.expires_at,
  };
}

const unexpired = sql<boolean>`(token.expires_at is null or token.expires_at > clock_timestamp())`;

export interface EnsurePrincipal {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly kind: Principal["kind"];
}

/** Makes the principal unless there is one of this name. */
export async function ensurePrincipal(
  tx: Kysely<Database>,
  { tenantId, name, kind }: EnsurePrincipal,
): Promise<PrincipalId> {
  await tx
    .insertInto("principal")
    .values({ id: newId(PrincipalId, "prn"), tenant_id: tenantId, name, kind })
    .onConflict((conflict) => conflict.columns(["tenant_id", "name"]).doNothing())
    .execute();
  const found = await tx
    .selectFrom("principal")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .where("name", "=", name)
    // Two who give the same principal a token pass one after the other, so that each sees what the other gave.
    .forUpdate()
    .executeTakeFirstOrThrow();
  return found.id;
}

export interface NewToken {
  readonly tenantId: TenantId;
  readonly principalId: PrincipalId;
  readonly digest: string;
  readonly may: readonly string[];
  readonly validSeconds: number | null;
  /** The token ends with the one that made it, at the latest. */
  readonly notAfter: string | null;
  /** The session of a browser that was opened with this token. */
  readonly sessionOf?: TokenId;
}

/** Stores a token by the digest of its secret; one that is there already stays as it is, revoked if it was. */
export async function insertToken(tx: Kysely<Database>, token: NewToken): Promise<TokenId> {
  const id = newId(TokenId, "tok");
  const asked = sql<string | null>`clock_timestamp() + make_interval(secs => ${token.validSeconds})`;
  await tx
    .insertInto("token")
    .values({
      id,
      tenant_id: token.tenantId,
      principal_id: token.principalId,
      digest: token.digest,
      may: json([...token.may]),
      kind: token.sessionOf === undefined ? "access" : "session",
      session_of: token.sessionOf ?? null,
      expires_at: sql<string | null>`least(${asked}, ${token.notAfter}::timestamptz)`,
    })
    .onConflict((conflict) => conflict.column("digest").doNothing())
    .execute();
  return id;
}

/** The patterns of all live tokens of a principal. */
export async function grantedTo(tx: Kysely<Database>, principalId: PrincipalId): Promise<string[]> {
  const rows = await tx
    .selectFrom("token")
    .select("may")
    .where("principal_id", "=", principalId)
    .where("revoked_at", "is", null)
    .where(unexpired)
    .execute();
  return rows.flatMap(({ may }) => may);
}

interface TokenScope {
  readonly tenantId: TenantId;
  readonly after: string | null;
  readonly rows: number;
  readonly tokenId?: TokenId;
}

/** The tokens that are not revoked. */
export async function readTokens(
  db: Kysely<Database>,
  { tenantId, after, rows, tokenId }: TokenScope,
): Promise<Token[]> {
  const found = await db
    .selectFrom("token")
    .innerJoin("principal", "principal.id", "token.principal_id")
    .select(["token.id", "principal.name", "token.kind", "token.may", "token.created_at", "token.expires_at"])
    .where("token.tenant_id", "=", tenantId)
    .where("token.revoked_at", "is", null)
    .$if(after !== null, (query) => query.where("token.id", ">", after as TokenId))
    .$if(tokenId !== undefined, (query) => query.where("token.id", "=", tokenId!))
    .orderBy("token.id")
    .limit(rows)
    .execute();
  return found.map((row) => ({
    id: row.id,
    principal: row.name,
    kind: row.kind,
    may: row.may,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }));
}

/** One token that is not revoked. */
export async function findToken(
  db: Kysely<Database>,
  which: { readonly tenantId: TenantId; readonly tokenId: TokenId },
): Promise<Token | null> {
  const [token] = await readTokens(db, { ...which, after: null, rows: 1 });
  return token ?? null;
}

/** Revokes the token, and the sessions that were opened with it; every replica hears of it with the commit. The answer is the digests; empty = there is none. */
export async function revokeToken(tx: Kysely<Database>, tenantId: TenantId, tokenId: TokenId): Promise<string[]> {
  const revoked = await tx
    .updateTable("token")
    .set({ revoked_at: sql<string>`clock_timestamp()` })
    .where((eb) => eb.or([eb("id", "=", tokenId), eb("session_of", "=", tokenId)]))
    .where("tenant_id", "=", tenantId)
    .where("revoked_at", "is", null)
    .returning("digest")
    .execute();
  for (const { digest } of revoked) await notify(tx, TOKEN_CHANNEL, digest);
  return revoked.map(({ digest }) => digest);
}

/** The principal by its id. */
export async function getPrincipal(db: Kysely<Database>, id: PrincipalId): Promise<Principal> {
  const row = await db.selectFrom("principal").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  return { id: row.id, name: row.name, kind: row.kind, createdAt: row.created_at };
}
