import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { ground } from "./001-ground.ts";
import { fleet } from "./002-fleet.ts";
import { change } from "./003-change.ts";
import { lists } from "./013-lists.ts";
import { convergence } from "./016-convergence.ts";
import { progress } from "./020-progress.ts";
import { governance } from "./023-governance.ts";
import { guard } from "./028-guard.ts";
import { instanceSample } from "./029-instance-sample.ts";
import { stepDuration } from "./032-step-duration.ts";
import { buildpackScripts } from "./033-buildpack-scripts.ts";
import { backup } from "./035-backup.ts";
import { replicaProcess } from "./036-replica-process.ts";
import { commandTemplate } from "./038-command-template.ts";
import { stepBlockedBy } from "./039-step-blocked-by.ts";
import { trafficRule } from "./045-traffic-rule.ts";
import { cellAway } from "./046-cell-away.ts";
import { session } from "./050-session.ts";
import { modules } from "./053-modules.ts";
import { certificate } from "./054-certificate.ts";
import { owedBase } from "./060-owed-base.ts";
import { baseSamples } from "./063-base-samples.ts";
import { scalingRule } from "./064-scaling-rule.ts";
import { hostSample } from "./067-host-sample.ts";
import { roomForUpdates } from "./070-room-for-updates.ts";
import { queueAndConnections } from "./071-queue-and-connections.ts";
import { basePaths } from "./077-base-paths.ts";
import { changeInLists } from "./078-change-in-lists.ts";
import { tlsDoors } from "./079-tls-doors.ts";
import { stepsThatWait } from "./084-steps-that-wait.ts";

/** Every migration, oldest first. Each only adds, so that the version before this one goes on beside it. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "001-ground": ground,
  "002-fleet": fleet,
  "003-change": change,
  "013-lists": lists,
  "016-convergence": convergence,
  "020-progress": progress,
  "023-governance": governance,
  "028-guard": guard,
  "029-instance-sample": instanceSample,
  "032-step-duration": stepDuration,
  "033-buildpack-scripts": buildpackScripts,
  "035-backup": backup,
  "036-replica-process": replicaProcess,
  "038-command-template": commandTemplate,
  "039-step-blocked-by": stepBlockedBy,
  "045-traffic-rule": trafficRule,
  "046-cell-away": cellAway,
  "050-session": session,
  "053-modules": modules,
  "054-certificate": certificate,
  "060-owed-base": owedBase,
  "063-base-samples": baseSamples,
  "064-scaling-rule": scalingRule,
  "067-host-sample": hostSample,
  "070-room-for-updates": roomForUpdates,
  "071-queue-and-connections": queueAndConnections,
  "077-base-paths": basePaths,
  "078-change-in-lists": changeInLists,
  "079-tls-doors": tlsDoors,
  "084-steps-that-wait": stepsThatWait,
};

const NOTHING: Migration = { up: async () => undefined };

/** Brings the database to this version; any number of processes may do it at once. */
export async function migrate<DB>(db: Kysely<DB>): Promise<void> {
  const migrator = new Migrator({
    db,
    // They only add, so they do not depend on the order in which versions brought them.
    allowUnorderedMigrations: true,
    provider: { getMigrations: async () => ({ ...(await newerMigrations(db)), ...MIGRATIONS }) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** A newer version may have been here already: its migrations only add, so this one runs on them. */
async function newerMigrations<DB>(db: Kysely<DB>): Promise<Record<string, Migration>> {
  const table = await sql<{ found: string | null }>`select to_regclass('kysely_migration')::text as found`.execute(db);
  if (table.rows[0]?.found === null) return {};
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  return Object.fromEntries(rows.map(({ name }) => [name, NOTHING]));
}
