import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Where a gateway listens for TLS, by its own word. */
export const tlsDoors: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table gateway add column tls_port integer`.execute(db);
  },
};
