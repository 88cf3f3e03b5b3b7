import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const named = (table: string): string => `
create table ${table} (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  definition jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);`;

const GROUPS = `
create table principal_group (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create table principal_group_member (
  group_id text not null references principal_group(id) on delete cascade,
  principal_id text not null references principal(id),
  tenant_id text not null references tenant(id),
  primary key (group_id, principal_id)
);
create index principal_group_member_by_principal on principal_group_member (principal_id);
`;

/** An approval is of one plan: another digest, another approval. */
const APPROVALS = `
create table change_approval (
  change_id text not null references change(id),
  plan_digest text not null,
  principal text not null,
  tenant_id text not null references tenant(id),
  at timestamptz not null default clock_timestamp(),
  primary key (change_id, plan_digest, principal)
);
create table review (
  id text primary key,
  tenant_id text not null references tenant(id),
  change_id text not null references change(id),
  started_by text not null,
  started_at timestamptz not null default clock_timestamp(),
  reason text not null,
  waived jsonb not null,
  reviewed_by text,
  reviewed_at timestamptz,
  note text
);
create index review_open on review (tenant_id, id) where reviewed_at is null;
create index review_by_change on review (change_id);
alter table change add column emergency boolean not null default false;
alter table change add column planned_by text;
create index change_awaiting_approval on change (tenant_id, id) where state = 'awaiting-approval';
create index change_bits on change using gin ((plan -> 'applications') jsonb_path_ops) where state = 'succeeded';
create index audit_by_principal on audit (tenant_id, principal, id);
`;

export const governance: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const tables = ['"window"', "approval_rule", "admission_rule"].map(named);
    for (const part of [...tables, GROUPS, APPROVALS]) await sql.raw(part).execute(db);
  },
};
