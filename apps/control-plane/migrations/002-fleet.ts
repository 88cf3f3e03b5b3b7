import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const HOSTS = `
create table host (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  name text not null,
  zone text not null,
  cell text,
  address text not null,
  labels jsonb not null default '{}',
  credential_digest text not null unique,
  journal_id text,
  journal_sequence bigint not null default 0,
  boot_id text,
  agent_version text,
  connection_epoch bigint not null default 0,
  set_aside text check (set_aside in ('journal-lost', 'duplicate')),
  set_aside_at timestamptz,
  set_aside_problem jsonb,
  offline_at timestamptz,
  facts jsonb,
  facts_at timestamptz,
  clock_skew_ms double precision,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (workspace_id, name)
);
create table host_session (
  host_id text primary key references host(id) on delete cascade,
  tenant_id text not null,
  connection_epoch bigint not null,
  replica_id text not null,
  connected_at timestamptz not null default now()
);
create index host_session_by_replica on host_session (replica_id);
create table join_token (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  digest text not null unique,
  joins text not null check (joins in ('host', 'gateway')),
  zone text,
  cell text,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by text,
  created_at timestamptz not null default now()
);
create table command (
  id text primary key,
  sequence bigserial not null,
  tenant_id text not null,
  host_id text not null references host(id) on delete cascade,
  change_id text not null,
  body jsonb not null,
  state text not null default 'queued' check (state in ('queued', 'sent', 'revoking', 'revoked', 'ended')),
  sent_epoch bigint,
  forgotten boolean not null default false,
  reported boolean not null default true,
  created_at timestamptz not null default now()
);
create index command_by_host on command (host_id, sequence);
create index command_by_change on command (change_id);
create index command_unreported on command (id) where not reported;
`;

const SERVICES = `
create table service (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  application_id text not null references application(id),
  name text not null,
  definition jsonb not null,
  parameters_version integer not null default 1,
  revision_id text,
  previous_revision_id text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  unique (workspace_id, name)
);
create table service_parameters (
  service_id text not null references service(id),
  tenant_id text not null,
  version integer not null,
  env jsonb not null,
  created_at timestamptz not null default now(),
  primary key (service_id, version)
);
create table revision (
  id text primary key,
  tenant_id text not null,
  service_id text not null references service(id),
  digest text not null,
  package_id text not null references package(id),
  package_version text not null,
  package_digest text not null,
  buildpack jsonb not null,
  configuration jsonb not null,
  created_at timestamptz not null default now(),
  unique (service_id, digest)
);
create table instance (
  service_id text not null references service(id),
  host_id text not null references host(id) on delete cascade,
  letter text not null check (letter in ('a', 'b')),
  tenant_id text not null,
  revision_id text not null,
  address text not null,
  port integer not null,
  state text not null,
  pid integer,
  restarts integer not null,
  problem jsonb,
  since timestamptz not null,
  primary key (service_id, host_id, letter)
);
create index instance_by_host on instance (host_id);
`;

const TRAFFIC = `
create table gateway (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  name text not null,
  url text,
  driver text,
  credential_digest text not null unique,
  connection_epoch bigint not null default 0,
  acked_epoch bigint not null default 0,
  acked_version bigint not null default 0,
  created_at timestamptz not null default now(),
  unique (workspace_id, name)
);
create table gateway_session (
  gateway_id text primary key references gateway(id) on delete cascade,
  tenant_id text not null,
  connection_epoch bigint not null,
  replica_id text not null,
  connected_at timestamptz not null default now()
);
create table route_table (
  workspace_id text primary key references workspace(id),
  tenant_id text not null,
  version bigint not null
);
create table route (
  id text primary key,
  tenant_id text not null,
  workspace_id text not null references workspace(id),
  service_id text not null references service(id),
  host text not null,
  path text not null,
  created_at timestamptz not null default now(),
  unique (workspace_id, host, path)
);
create index route_by_service on route (service_id);
create table upstream (
  instance text primary key,
  tenant_id text not null,
  workspace_id text not null references workspace(id),
  service_id text not null references service(id),
  host_id text not null references host(id),
  letter text not null,
  revision_id text not null,
  version text not null,
  zone text not null,
  address text not null,
  port integer not null,
  weight integer not null,
  state text not null check (state in ('attached', 'draining')),
  state_version bigint not null,
  cut boolean not null default false,
  healthy boolean not null default true,
  unhealthy_at timestamptz
);
create index upstream_by_service on upstream (service_id);
create index upstream_by_workspace on upstream (workspace_id);
create table drain_report (
  gateway_id text not null references gateway(id) on delete cascade,
  instance text not null,
  tenant_id text not null,
  table_version bigint not null,
  in_flight integer not null,
  long_lived integer not null,
  primary key (gateway_id, instance)
);
create table reach_report (
  gateway_id text not null references gateway(id) on delete cascade,
  instance text not null,
  tenant_id text not null,
  table_version bigint not null,
  reached boolean not null,
  problem text,
  primary key (gateway_id, instance)
);
`;

/** Partitions of both are made and dropped at run time, see src/sample/partition.ts. */
const SAMPLES = ["sample_second", "sample_minute"]
  .map(
    (table) => `
create table ${table} (
  at timestamptz not null,
  tenant_id text not null,
  workspace_id text not null,
  gateway_id text not null,
  service_id text not null,
  instance text,
  version text not null,
  window_ms double precision not null,
  requests integer not null,
  status_2xx integer not null,
  status_3xx integer not null,
  status_4xx integer not null,
  status_5xx integer not null,
  connect_errors integer not null,
  unavailable integer not null,
  cut integer not null,
  retries integer not null,
  client_aborts integer not null,
  in_flight integer not null,
  long_lived integer not null,
  latency integer[] not null
) partition by range (at);
create index ${table}_by_service on ${table} (service_id, at);
`,
  )
  .join("");

/** Adds histograms bucket by bucket. */
const HISTOGRAMS = `
create function add_histograms(one integer[], other integer[]) returns integer[] language sql immutable as $$
  select coalesce(array_agg(coalesce(a, 0) + coalesce(b, 0) order by bucket), '{}')
  from unnest(one, other) with ordinality as pair(a, b, bucket)
$$;
create aggregate sum_histograms(integer[]) (sfunc = add_histograms, stype = integer[], initcond = '{}');
create table sample_progress (only_row boolean primary key default true check (only_row), minutes_until timestamptz not null);
insert into sample_progress (minutes_until) values (date_trunc('minute', now()));
`;

export const fleet: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const part of [HOSTS, SERVICES, TRAFFIC, SAMPLES, HISTOGRAMS]) await sql.raw(part).execute(db);
  },
};
