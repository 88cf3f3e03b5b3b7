import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

// One row for each step of each subject of a change that succeeded: what forecasts are made from.
const STEP_DURATIONS = `
create table step_duration (
  change_id text not null references change(id),
  tenant_id text not null references tenant(id),
  subject text not null,
  step text not null,
  back boolean not null,
  median_ms integer not null,
  at timestamptz not null default clock_timestamp(),
  primary key (change_id, subject, step)
);
create index step_duration_of_subject on step_duration (tenant_id, subject, at desc);
create index step_duration_newest on step_duration (tenant_id, at desc);
`;

export const stepDuration: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(STEP_DURATIONS).execute(db);
  },
};
