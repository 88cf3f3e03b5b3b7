import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

const GUARDS = `
create table change_verdict (
  change_id text not null references change(id),
  batch_id text not null,
  guard integer not null,
  moment text not null check (moment in ('before', 'after')),
  outcome text check (outcome in ('pass', 'worse', 'no-data')),
  final boolean not null default false,
  looks integer not null default 0,
  asking boolean not null default false,
  elapsed_ms bigint not null default 0,
  status_url text,
  text text not null,
  evidence jsonb not null default '{}',
  at timestamptz not null default clock_timestamp(),
  overruled_by text,
  primary key (change_id, batch_id, guard, moment)
);
alter table change_batch add column watched_ms bigint not null default 0;
`;

export const guard: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(GUARDS).execute(db);
  },
};
