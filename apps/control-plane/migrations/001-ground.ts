import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** `epoch` is raised by a restore or the promotion of a standby; `fence_token` gives each claim of a lease its token. */
const INSTALLATION = `
create table installation (
  only_row boolean primary key default true check (only_row),
  epoch integer not null default 1,
  created_at timestamptz not null default now()
);
insert into installation default values;
create sequence fence_token;
create table replica (
  id text primary key,
  url text not null,
  version text not null,
  lease_until timestamptz not null,
  started_at timestamptz not null default now()
);
`;

const PEOPLE = `
create table tenant (
  id text primary key,
  name text not null unique,
  created_at timestamptz not null default now()
);
create table principal (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  kind text not null check (kind in ('person', 'service-account')),
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create table token (
  id text primary key,
  tenant_id text not null references tenant(id),
  principal_id text not null references principal(id),
  digest text not null unique,
  may jsonb not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index token_by_tenant on token (tenant_id, id);
create table audit (
  id text primary key,
  tenant_id text not null references tenant(id),
  principal text not null,
  action text not null,
  resource text not null,
  outcome text not null check (outcome in ('done', 'refused')),
  code text,
  details jsonb not null,
  address text not null,
  at timestamptz not null default clock_timestamp()
);
create index audit_by_tenant on audit (tenant_id, id);
create index audit_by_resource on audit (tenant_id, resource, id);
create table idempotency_key (
  tenant_id text not null references tenant(id),
  principal_id text not null,
  operation text not null,
  key text not null,
  request_digest text not null,
  answer jsonb not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, principal_id, operation, key)
);
create index idempotency_key_by_age on idempotency_key (created_at);
`;

const PLACES = `
create table workspace (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  region text not null,
  zones jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create table cell (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  name text not null,
  zones jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (workspace_id, name)
);
`;

const BITS = `
create table application (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  owner text not null,
  "group" text not null,
  level integer not null,
  tags jsonb not null,
  metadata jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create table package (
  id text primary key,
  tenant_id text not null references tenant(id),
  application_id text not null references application(id),
  version text not null,
  digest text not null,
  size_bytes bigint not null,
  unpacked_bytes bigint not null,
  entries integer not null,
  uploaded_by text not null,
  uploaded_at timestamptz not null default now(),
  unique (application_id, version)
);
create index package_by_tenant on package (tenant_id, id);
create index package_by_digest on package (digest);
create table upload (
  id text primary key,
  tenant_id text not null references tenant(id),
  application_id text not null references application(id),
  version text not null,
  digest text not null,
  size_bytes bigint not null,
  received_bytes bigint not null default 0,
  package_id text references package(id),
  touched_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (application_id, version, digest)
);
create index upload_by_age on upload (touched_at);
create table buildpack (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  version text not null,
  digest text not null,
  size_bytes bigint not null,
  definition jsonb not null,
  created_at timestamptz not null default now(),
  unique (tenant_id, digest)
);
create index buildpack_by_name on buildpack (tenant_id, name, id);
`;

export const ground: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const part of [INSTALLATION, PEOPLE, PLACES, BITS]) await sql.raw(part).execute(db);
  },
};
