import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const TRAFFIC_RULES = `
alter table cell add column type text not null default 'unit' check (type in ('unit', 'shared'));
alter table cell add column colour text;
alter table cell add column weight integer not null default 0;
alter table cell add column gray boolean not null default false;
alter table cell add column fail_over text;
create table traffic_rule (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  service_id text not null references service(id) on delete cascade,
  name text not null,
  priority integer not null,
  definition jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  unique (workspace_id, name)
);
create index traffic_rule_by_service on traffic_rule (service_id);
create table traffic_policy (
  service_id text primary key references service(id) on delete cascade,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  definition jsonb not null
);
create table traffic_entry (
  workspace_id text primary key references workspace(id),
  tenant_id text not null references tenant(id),
  secret text not null default gen_random_uuid()::text || gen_random_uuid()::text,
  user_key jsonb not null default '[]'
);
`;

/** What rules say of requests; what a service's instances share them by; how lanes are sealed and users known, by workspace. */
export const trafficRule: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(TRAFFIC_RULES).execute(db);
  },
};
