import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const SCALING_RULE = `
create table scaling_rule (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  definition jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  verdict jsonb,
  looked_at timestamptz,
  change_id text references change(id),
  scaled_at timestamptz,
  unique (tenant_id, name)
);
`;

export const scalingRule: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(SCALING_RULE).execute(db);
  },
};
