import type { TenantId, TokenId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";

export interface NewLink {
  readonly digest: string;
  readonly tenantId: TenantId;
  readonly tokenId: TokenId;
  readonly validSeconds: number;
}

/** Stores a login link; those that have been over for a day are forgotten. The answer is when it ends. */
export async function insertLink(tx: Kysely<Database>, link: NewLink): Promise<string> {
  await tx.deleteFrom("login_link").where(sql<boolean>`expires_at < clock_timestamp() - interval '1 day'`).execute();
  const made = await tx
    .insertInto("login_link")
    .values({
      digest: link.digest,
      tenant_id: link.tenantId,
      token_id: link.tokenId,
      expires_at: sql<string>`clock_timestamp() + make_interval(secs => ${link.validSeconds})`,
    })
    .returning("expires_at")
    .executeTakeFirstOrThrow();
  return made.expires_at;
}

/** Uses a login link up: the token that it was made with; `used` = somebody was here before; null = unknown or over. */
export async function useLink(tx: Kysely<Database>, digest: string): Promise<TokenId | "used" | null> {
  const found = await tx
    .selectFrom("login_link")
    .select(["token_id", "used_at"])
    .where("digest", "=", digest)
    .where(sql<boolean>`expires_at > clock_timestamp()`)
    // Two who come with the same link pass one after the other.
    .forUpdate()
    .executeTakeFirst();
  if (found === undefined) return null;
  if (found.used_at !== null) return "used";
  await tx
    .updateTable("login_link")
    .set({ used_at: sql<string>`clock_timestamp()` })
    .where("digest", "=", digest)
    .execute();
  return found.token_id;
}
