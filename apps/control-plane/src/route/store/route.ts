import { PlatformError } from "@evenkeel/contracts/error";
import { newId, RouteId, type ServiceId, type TenantId, type WorkspaceId } from "@evenkeel/contracts/id";
import type { Route, RouteRule } from "@evenkeel/contracts/service";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { raiseVersion, type TableVersion, type Where } from "./version.ts";

export interface SetRoutes extends Where {
  readonly serviceId: ServiceId;
  readonly routes: readonly RouteRule[];
  /** Leave the service's routes that are not named here. */
  readonly keepOthers: boolean;
}

/** Gives the service these routes; null when it had them already. One that another service has is refused. */
export async function setRoutes(tx: Transaction<Database>, change: SetRoutes): Promise<TableVersion | null> {
  const { tenantId, workspaceId, serviceId } = change;
  if (await hasRoutes(tx, change)) return null;
  const version = await raiseVersion(tx, change);
  if (!change.keepOthers) {
    await sql`delete from route where service_id = ${serviceId}
      and not (jsonb_build_array(host, path) = any(${pairs(change.routes)}::jsonb[]))`.execute(tx);
  }
  for (const { host, path } of change.routes) {
    await tx
      .insertInto("route")
      .values({
        id: newId(RouteId, "rte"),
        tenant_id: tenantId,
        workspace_id: workspaceId,
        service_id: serviceId,
        host,
        path,
      })
      .onConflict((conflict) => conflict.columns(["workspace_id", "host", "path"]).doNothing())
      .execute();
  }
  const taken = await findTakenRoute(tx, change);
  if (taken !== null) throw new PlatformError("ROUTE_TAKEN", { ...taken });
  return version;
}

async function hasRoutes(tx: Transaction<Database>, { serviceId, routes, keepOthers }: SetRoutes): Promise<boolean> {
  const have = new Set(pairs(await routesOf(tx, serviceId)));
  const wanted = new Set(pairs(routes));
  return [...wanted].every((route) => have.has(route)) && (keepOthers || have.size === wanted.size);
}

const pairs = (routes: readonly RouteRule[]): string[] => routes.map(({ host, path }) => JSON.stringify([host, path]));

export interface TakenRoute {
  readonly host: string;
  readonly path: string;
  /** Name of the service that has it. */
  readonly service: string;
}

/** The first of these routes that another service of the workspace has; `serviceId` null = the asking service does not exist yet. */
export async function findTakenRoute(
  db: Kysely<Database>,
  asked: { workspaceId: WorkspaceId; serviceId: ServiceId | null; routes: readonly RouteRule[] },
): Promise<TakenRoute | null> {
  const { rows } = await sql<TakenRoute>`
    select route.host, route.path, service.name as service from route join service on service.id = route.service_id
    where route.workspace_id = ${asked.workspaceId} and route.service_id is distinct from ${asked.serviceId}
      and jsonb_build_array(route.host, route.path) = any(${pairs(asked.routes)}::jsonb[])
    order by route.id limit 1`.execute(db);
  return rows[0] ?? null;
}

/** The rules that a service has now. */
export async function routesOf(db: Kysely<Database>, serviceId: ServiceId): Promise<RouteRule[]> {
  return await db
    .selectFrom("route")
    .select(["host", "path"])
    .where("service_id", "=", serviceId)
    .orderBy("host")
    .orderBy("path")
    .execute();
}

export interface RoutePage {
  readonly tenantId: TenantId;
  readonly workspace: string | undefined;
  readonly after: string | null;
  readonly limit: number;
}

export async function listRoutes(db: Kysely<Database>, page: RoutePage): Promise<Route[]> {
  let query = db
    .selectFrom("route")
    .innerJoin("service", "service.id", "route.service_id")
    .innerJoin("workspace", "workspace.id", "route.workspace_id")
    .select([
      "route.id as id",
      "route.workspace_id as workspaceId",
      "route.service_id as serviceId",
      "service.name as service",
      "route.host as host",
      "route.path as path",
      "route.created_at as createdAt",
    ])
    .where("route.tenant_id", "=", page.tenantId)
    .orderBy("route.id")
    .limit(page.limit);
  if (page.workspace !== undefined) query = query.where("workspace.name", "=", page.workspace);
  if (page.after !== null) query = query.where("route.id", ">", page.after as RouteId);
  return await query.execute();
}
