import { canonicalJson } from "@evenkeel/contracts/canonical";
import { PlatformError } from "@evenkeel/contracts/error";
import {
  type ApplicationId,
  newId,
  type RevisionId,
  ServiceId,
  type TenantId,
  type WorkspaceId,
} from "@evenkeel/contracts/id";
import type { Environment, HostSelector, ServiceDefinition } from "@evenkeel/contracts/service";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** A service as the database has it; what is shown adds its revision. */
export interface StoredService {
  readonly id: ServiceId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly workspace: string;
  readonly applicationId: ApplicationId;
  readonly application: string;
  readonly name: string;
  /** Without `env`: that is the parameters'. */
  readonly definition: ServiceDefinition;
  readonly parameters: { readonly version: number; readonly env: Environment };
  readonly revisionId: RevisionId | null;
  readonly previousRevisionId: RevisionId | null;
  /** Rises with the definition and the revision; parameters have their own. */
  readonly version: number;
  readonly createdAt: string;
}

function selectServices(db: Kysely<Database>) {
  return db
    .selectFrom("service")
    .innerJoin("workspace", "workspace.id", "service.workspace_id")
    .innerJoin("application", "application.id", "service.application_id")
    .innerJoin("service_parameters", (join) =>
      join
        .onRef("service_parameters.service_id", "=", "service.id")
        .onRef("service_parameters.version", "=", "service.parameters_version"),
    )
    .select([
      "service.id as id",
      "service.tenant_id as tenantId",
      "service.workspace_id as workspaceId",
      "workspace.name as workspace",
      "service.application_id as applicationId",
      "application.name as application",
      "service.name as name",
      "service.definition as definition",
      "service.parameters_version as parametersVersion",
      "service_parameters.env as env",
      "service.revision_id as revisionId",
      "service.previous_revision_id as previousRevisionId",
      "service.version as version",
      "service.created_at as createdAt",
    ]);
}

type Selected = Omit<StoredService, "parameters"> & { parametersVersion: number; env: Environment };

const decode = ({ parametersVersion, env, ...service }: Selected): StoredService => ({
  ...service,
  parameters: { version: parametersVersion, env },
});

export interface ServiceName {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly name: string;
}

export async function findService(db: Kysely<Database>, which: ServiceName): Promise<StoredService | null> {
  const row = await selectServices(db)
    .where("service.tenant_id", "=", which.tenantId)
    .where("service.workspace_id", "=", which.workspaceId)
    .where("service.name", "=", which.name)
    .executeTakeFirst();
  return row ? decode(row) : null;
}

export async function getService(
  db: Kysely<Database>,
  { tenantId, serviceId }: { tenantId: TenantId; serviceId: ServiceId },
): Promise<StoredService> {
  const row = await selectServices(db)
    .where("service.tenant_id", "=", tenantId)
    .where("service.id", "=", serviceId)
    .executeTakeFirst();
  if (!row) throw new PlatformError("NOT_FOUND", { resource: `service ${serviceId}` });
  return decode(row);
}

export interface ServicePage {
  readonly tenantId: TenantId;
  readonly workspace: string | undefined;
  readonly application: string | undefined;
  readonly name: string | undefined;
  readonly after: string | null;
  readonly limit: number;
}

export async function listServices(db: Kysely<Database>, page: ServicePage): Promise<StoredService[]> {
  let query = selectServices(db).where("service.tenant_id", "=", page.tenantId).orderBy("service.id").limit(page.limit);
  if (page.workspace !== undefined) query = query.where("workspace.name", "=", page.workspace);
  if (page.application !== undefined) query = query.where("application.name", "=", page.application);
  if (page.name !== undefined) query = query.where("service.name", "=", page.name);
  if (page.after !== null) query = query.where("service.id", ">", page.after as ServiceId);
  return (await query.execute()).map(decode);
}

export interface UpsertService extends ServiceName {
  /** Under which it is made if it is new. */
  readonly id?: ServiceId;
  readonly applicationId: ApplicationId;
  /** Its `env`, if it has one, becomes the parameters. */
  readonly definition: ServiceDefinition;
}

/** Makes the service or brings it to this definition; versions rise only where something differs. */
export async function upsertService(tx: Transaction<Database>, wanted: UpsertService): Promise<StoredService> {
  const { env, ...definition } = wanted.definition;
  const id = wanted.id ?? newId(ServiceId, "svc");
  const made = await tx
    .insertInto("service")
    .values({
      id,
      tenant_id: wanted.tenantId,
      workspace_id: wanted.workspaceId,
      application_id: wanted.applicationId,
      name: wanted.name,
      definition: json(definition),
    })
    .onConflict((conflict) => conflict.columns(["workspace_id", "name"]).doNothing())
    .returning("id")
    .executeTakeFirst();
  if (made) {
    await tx
      .insertInto("service_parameters")
      .values({ service_id: id, tenant_id: wanted.tenantId, version: 1, env: json(env ?? {}) })
      .execute();
  } else {
    await alignService(tx, wanted, definition);
  }
  return (await findService(tx, wanted))!;
}

async function alignService(
  tx: Transaction<Database>,
  wanted: UpsertService,
  definition: ServiceDefinition,
): Promise<void> {
  const row = await tx
    .selectFrom("service")
    .innerJoin("application", "application.id", "service.application_id")
    .select(["service.id", "service.application_id", "service.definition", "application.name as application"])
    .where("service.tenant_id", "=", wanted.tenantId)
    .where("service.workspace_id", "=", wanted.workspaceId)
    .where("service.name", "=", wanted.name)
    .forUpdate("service")
    .executeTakeFirstOrThrow();
  if (row.application_id !== wanted.applicationId) {
    throw new PlatformError("ALREADY_EXISTS", { resource: `service ${wanted.name} of application ${row.application}` });
  }
  if (canonicalJson(row.definition) !== canonicalJson(definition)) {
    await tx
      .updateTable("service")
      .set({ definition: json(definition), version: sql<number>`version + 1` })
      .where("id", "=", row.id)
      .execute();
  }
  if (wanted.definition.env !== undefined) {
    await setParameters(tx, { tenantId: wanted.tenantId, serviceId: row.id, env: wanted.definition.env });
  }
}

/** Gives the service these parameters; the same ones again are no new version. */
export async function setParameters(
  tx: Transaction<Database>,
  { tenantId, serviceId, env }: { tenantId: TenantId; serviceId: ServiceId; env: Environment },
): Promise<void> {
  const row = await tx
    .selectFrom("service")
    .select("parameters_version")
    .where("tenant_id", "=", tenantId)
    .where("id", "=", serviceId)
    .forUpdate()
    .executeTakeFirst();
  if (!row) throw new PlatformError("NOT_FOUND", { resource: `service ${serviceId}` });
  const current = await tx
    .selectFrom("service_parameters")
    .select("env")
    .where("service_id", "=", serviceId)
    .where("version", "=", row.parameters_version)
    .executeTakeFirstOrThrow();
  if (canonicalJson(current.env) === canonicalJson(env)) return;
  const version = row.parameters_version + 1;
  await tx
    .insertInto("service_parameters")
    .values({ service_id: serviceId, tenant_id: tenantId, version, env: json(env) })
    .execute();
  await tx.updateTable("service").set({ parameters_version: version }).where("id", "=", serviceId).execute();
}

/** Records which revision the service runs now; the one before it becomes the default of a rollback. */
export async function setServiceRevision(
  tx: Transaction<Database>,
  { serviceId, revisionId }: { serviceId: ServiceId; revisionId: RevisionId | null },
): Promise<void> {
  await sql`update service set revision_id = ${revisionId}, previous_revision_id = revision_id, version = version + 1
    where id = ${serviceId} and revision_id is distinct from ${revisionId}`.execute(tx);
}

/** The hosts that the service has from now on. */
export async function setServiceHosts(
  tx: Transaction<Database>,
  { serviceId, hosts }: { serviceId: ServiceId; hosts: HostSelector },
): Promise<void> {
  await sql`update service set definition = jsonb_set(definition, '{hosts}', ${json(hosts)}), version = version + 1
    where id = ${serviceId} and definition -> 'hosts' is distinct from ${json(hosts)}`.execute(tx);
}

/** Takes the service away with its parameters and what is known of its stopped instances; its revisions and routes are gone by then. */
export async function deleteService(tx: Transaction<Database>, serviceId: ServiceId): Promise<void> {
  await tx.deleteFrom("instance").where("service_id", "=", serviceId).execute();
  await tx.deleteFrom("service_parameters").where("service_id", "=", serviceId).execute();
  await tx.deleteFrom("service").where("id", "=", serviceId).execute();
}
