import { PlatformError } from "@evenkeel/contracts/error";
import { type Digest, newId, RevisionId, ServiceId, type TenantId } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Revision, RouteRule, ServiceDefinition } from "@evenkeel/contracts/service";
import type { Transaction } from "kysely";
import { onlineHosts } from "../agent-link/index.ts";
import { findApplication } from "../application/index.ts";
import { findBuildpack } from "../buildpack/index.ts";
import type { Scope } from "../change/index.ts";
import type { Database } from "../database.ts";
import { hostsOf } from "../host/index.ts";
import { findPackage } from "../package/index.ts";
import { readRevisions, revisionsOf } from "../revision/index.ts";
import { confirmation, findTakenRoute, routesOf, upstreamsOf } from "../route/index.ts";
import { findService, instancesOf, type StoredService } from "../service/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { definitionOf, type World } from "./world.ts";

/** Reads the world for a release. */
export async function readWorld(
  spec: ReleaseOrderSpec,
  tx: Transaction<Database>,
  { tenantId }: Scope,
): Promise<World> {
  const workspace = await findWorkspace(tx, { tenantId, name: spec.workspace });
  if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${spec.workspace}` });
  const name = spec.service ?? spec.application;
  const service = await findService(tx, { tenantId, workspaceId: workspace.id, name });
  const definition = definitionOf(spec, service);
  const hosts = await hostsOf(tx, workspace.id);
  const online = await onlineHosts(
    tx,
    hosts.map(({ id }) => id),
  );
  const application = await findApplication(tx, { tenantId, name: spec.application });
  const revisions = await revisionsFor(spec, tx, service);
  const rules = routesFor(definition, revisions, spec);
  return {
    tenantId,
    workspace,
    application,
    service,
    fresh: { serviceId: newId(ServiceId, "svc"), revisionId: newId(RevisionId, "rev") },
    package:
      "package" in spec && application !== null
        ? await findPackage(tx, { tenantId, applicationId: application.id, version: spec.package.version })
        : null,
    buildpack: definition === null ? null : await buildpackFor(tx, tenantId, definition),
    hosts: hosts.map((host) => ({ ...host, online: online.has(host.id) })),
    instances: service === null ? [] : await instancesOf(tx, service.id),
    upstreams: service === null ? [] : await upstreamsOf(tx, service.id),
    revisions,
    sizes: await sizesFor(tx, tenantId, revisions),
    routes: service === null ? [] : await routesOf(tx, service.id),
    takenRoute: await findTakenRoute(tx, { workspaceId: workspace.id, serviceId: service?.id ?? null, routes: rules }),
    gateways: (await confirmation(tx, workspace.id, 0)).gateways,
  };
}

async function buildpackFor(tx: Transaction<Database>, tenantId: TenantId, definition: ServiceDefinition) {
  const [name = "", version] = definition.buildpack.split("@");
  const found = await findBuildpack(tx, { tenantId, name, version: version ?? null });
  return found === null ? null : { ...found, start: found.definition.start ?? null };
}

async function revisionsFor(
  spec: ReleaseOrderSpec,
  tx: Transaction<Database>,
  service: StoredService | null,
): Promise<Map<RevisionId, Revision>> {
  if (service === null) return new Map();
  const running = (await instancesOf(tx, service.id)).map(({ revisionId }) => revisionId);
  const named = [...namedRevisions(spec), ...running, service.revisionId, service.previousRevisionId];
  const ids = named.filter((id) => id !== null);
  const found = [...(await readRevisions(tx, [...new Set(ids)])).values(), ...(await revisionsOf(tx, service.id))];
  return new Map(found.filter(({ serviceId }) => serviceId === service.id).map((revision) => [revision.id, revision]));
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

async function sizesFor(
  tx: Transaction<Database>,
  tenantId: TenantId,
  revisions: ReadonlyMap<RevisionId, Revision>,
): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>();
  for (const { packageId, packageDigest, buildpack } of revisions.values()) {
    if (!sizes.has(packageDigest)) {
      const pkg = await findPackage(tx, { tenantId, packageId });
      if (pkg !== null) sizes.set(packageDigest, pkg.sizeBytes);
    }
    if (!sizes.has(buildpack.digest)) {
      const found = await findBuildpack(tx, { tenantId, name: buildpack.name, version: buildpack.version });
      if (found !== null) sizes.set(buildpack.digest, found.sizeBytes);
    }
  }
  return sizes;
}
