import { newId, RevisionId, ServiceId, type TenantId } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Revision, RouteRule, ServiceDefinition } from "@evenkeel/contracts/service";
import type { Transaction } from "kysely";
import { findApplication } from "../application/index.ts";
import { findBuildpack } from "../buildpack/index.ts";
import type { Scope } from "../change/index.ts";
import type { Database } from "../database.ts";
import { findPackage } from "../package/index.ts";
import { findTakenRoute, routesOf } from "../route/index.ts";
import { readSlots } from "../slot/index.ts";
import { definitionOf, type World } from "./world.ts";

/** Reads the world for a release. */
export async function readWorld(
  spec: ReleaseOrderSpec,
  tx: Transaction<Database>,
  { tenantId }: Scope,
): Promise<World> {
  const name = spec.service ?? spec.application;
  const which = { tenantId, workspace: spec.workspace, service: name };
  const slots = await readSlots(tx, which, namedRevisions(spec));
  const { workspace, service, revisions } = slots;
  const definition = definitionOf(spec, service);
  const application = await findApplication(tx, { tenantId, name: spec.application });
  const rules = routesFor(definition, revisions, spec);
  return {
    ...slots,
    application,
    fresh: { serviceId: newId(ServiceId, "svc"), revisionId: newId(RevisionId, "rev") },
    package:
      "package" in spec && application !== null
        ? await findPackage(tx, { tenantId, applicationId: application.id, version: spec.package.version })
        : null,
    buildpack: definition === null ? null : await buildpackFor(tx, tenantId, definition),
    routes: service === null ? [] : await routesOf(tx, service.id),
    takenRoute: await findTakenRoute(tx, { workspaceId: workspace.id, serviceId: service?.id ?? null, routes: rules }),
  };
}

async function buildpackFor(tx: Transaction<Database>, tenantId: TenantId, definition: ServiceDefinition) {
  const [name = "", version] = definition.buildpack.split("@");
  const found = await findBuildpack(tx, { tenantId, name, version: version ?? null });
  return found === null ? null : { ...found, start: found.definition.start ?? null };
}

function namedRevisions(spec: ReleaseOrderSpec): (RevisionId | null)[] {
  if ("revisionId" in spec) return [spec.revisionId];
  if ("restore" in spec) return [spec.restore.revisionId, ...spec.restore.targets.map(({ revisionId }) => revisionId)];
  return [];
}

function routesFor(
  definition: ServiceDefinition | null,
  revisions: ReadonlyMap<RevisionId, Revision>,
  spec: ReleaseOrderSpec,
): readonly RouteRule[] {
  if ("package" in spec) return definition?.routes ?? [];
  const id = "restore" in spec ? spec.restore.revisionId : spec.revisionId;
  return id === null ? [] : (revisions.get(id)?.configuration.routes ?? []);
}
