import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const CERTIFICATES = `
create table certificate (
  id text primary key,
  tenant_id text not null references tenant(id),
  workspace_id text not null references workspace(id),
  name text not null,
  hosts jsonb not null,
  fallback boolean not null,
  chain text not null,
  sealed_key text not null,
  issuer text not null,
  fingerprint text not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  version integer not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (workspace_id, name)
);
create unique index certificate_fallback on certificate (workspace_id) where fallback;
`;

/** What gateways serve TLS by; keys are sealed by the installation's own, which is not in the database. */
export const certificate: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(CERTIFICATES).execute(db);
  },
};
