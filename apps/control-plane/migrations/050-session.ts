import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** How browsers are logged in. */
const SESSION = `
alter table token add column kind text not null default 'access';
alter table token add column session_of text references token(id);
create index token_session_of on token (session_of) where session_of is not null;
create table login_link (
  digest text primary key,
  tenant_id text not null references tenant(id),
  token_id text not null references token(id),
  expires_at timestamptz not null,
  used_at timestamptz
);
`;

export const session: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(SESSION).execute(db);
  },
};
