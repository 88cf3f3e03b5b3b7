import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const CHANGES = `
create table change (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  kind text not null,
  title text not null,
  spec jsonb not null,
  plan jsonb not null,
  plan_digest text not null,
  state text not null,
  state_since timestamptz not null default now(),
  problem jsonb,
  waiting_for text,
  reason text,
  pause_mode text not null default 'targets' check (pause_mode in ('targets', 'steps')),
  pause_cause text not null default 'person' check (pause_cause in ('person', 'guard', 'budget')),
  rollback_demand jsonb,
  start_at timestamptz,
  expires_at timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  rollback_of text references change(id),
  rollback_change_id text references change(id),
  rolled_back_by text references change(id),
  left_behind jsonb not null default '[]',
  sequence bigint not null default 0,
  lease_owner text,
  lease_token bigint not null default 0,
  lease_until timestamptz
);
create index change_by_workspace on change (workspace_id, created_at);
create index change_unfinished on change (state) where finished_at is null;
create table change_batch (
  change_id text not null references change(id),
  batch_id text not null,
  confirmed boolean not null default false,
  baked_ms bigint not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (change_id, batch_id)
);
create table change_target (
  change_id text not null references change(id),
  target_id text not null,
  state text not null,
  round integer not null default 1,
  from_index integer not null default 0,
  reattach boolean not null default false,
  problem jsonb,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (change_id, target_id)
);
create table change_step (
  id text primary key,
  change_id text not null references change(id),
  target_id text not null,
  phase text not null,
  name text not null,
  type text not null,
  attempt integer not null,
  round integer not null,
  state text not null,
  command_id text unique,
  revoking boolean not null default false,
  elapsed_ms bigint not null default 0,
  waiting_for text,
  outcome jsonb,
  facts jsonb not null default '{}',
  dispatched_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  unique (change_id, target_id, phase, name, attempt)
);
create table change_event (
  change_id text not null references change(id),
  sequence bigint not null,
  at timestamptz not null default clock_timestamp(),
  type text not null,
  data jsonb not null,
  primary key (change_id, sequence)
);
create table lock (
  resource text not null,
  change_id text not null references change(id),
  tenant_id text not null,
  mode text not null check (mode in ('shared', 'exclusive')),
  label text not null,
  since timestamptz not null default now(),
  primary key (resource, change_id)
);
create index lock_by_change on lock (change_id);
create table change_resource (
  change_id text not null references change(id),
  resource text not null,
  started_at timestamptz not null default now(),
  primary key (change_id, resource)
);
create index change_resource_newest on change_resource (resource, started_at);
`;

export const change: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(CHANGES).execute(db);
  },
};
