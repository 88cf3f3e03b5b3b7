import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Bundles, the bases that agents have told of, the clusters that these are in, and which modules stand there. */
const MODULES = `
create table module_bundle (
  id text primary key,
  tenant_id text not null references tenant(id),
  name text not null,
  version text not null,
  digest text not null,
  size_bytes bigint not null,
  cache_node text,
  manifest jsonb not null,
  uploaded_by text not null,
  uploaded_at timestamptz not null default clock_timestamp(),
  unique (tenant_id, name, version)
);
create index module_bundle_digest on module_bundle (digest);

create table base_cluster (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  name text not null,
  buffer boolean not null,
  rules jsonb not null default '[]',
  businesses jsonb not null default '[]',
  version integer not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  unique (workspace_id, name)
);

create table base (
  id text primary key,
  tenant_id text not null references tenant(id),
  service_id text not null references service(id) on delete cascade,
  host_id text not null references host(id) on delete cascade,
  cluster_id text references base_cluster(id),
  came_from text references base_cluster(id) on delete set null,
  report jsonb,
  reported_at timestamptz not null default clock_timestamp(),
  unique (service_id, host_id)
);
create index base_cluster_id on base (cluster_id);
create index base_host on base (host_id);

create table module_placement (
  cluster_id text not null references base_cluster(id) on delete cascade,
  module text not null,
  tenant_id text not null references tenant(id),
  versions jsonb not null,
  bases jsonb not null,
  primary key (cluster_id, module)
);
`;

export const modules: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(MODULES).execute(db);
  },
};
