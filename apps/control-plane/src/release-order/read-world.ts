import type { CommandTemplate, FlowEntry } from "@evenkeel/contracts/command-template";
import { newId, RevisionId, ServiceId, type TenantId } from "@evenkeel/contracts/id";
import {
  blueGreenOf,
  type Release,
  type ReleaseOrderSpec,
  releasesOf,
  serviceOf,
  weightsOf,
} from "@evenkeel/contracts/release-order";
import type { Revision, RouteRule, ServiceDefinition } from "@evenkeel/contracts/service";
import type { Transaction } from "kysely";
import { findApplication } from "../application/index.ts";
import { findBuildpack, scriptsOf } from "../buildpack/index.ts";
import type { Scope } from "../change/index.ts";
import { findTemplate } from "../command-template/index.ts";
import type { Database } from "../database.ts";
import type { ObjectStore } from "../object-store/index.ts";
import { findPackage } from "../package/index.ts";
import { findTakenRoute, routesOf, servingIn } from "../route/index.ts";
import { readFleet, readSlotsIn } from "../slot/index.ts";
import type { SlotWorld } from "../slot/plan/index.ts";
import { definitionOfRule, rulesOf } from "../traffic-rule/index.ts";
import { cellsOf } from "../workspace/index.ts";
import { definitionOf, flowOf, type OrderWorld, type World } from "./world.ts";

/** Reads the world for an order: its hosts once, then what each of its releases is about. */
export async function readWorld(
  objects: Pick<ObjectStore, "size">,
  { spec, tx, tenantId }: { readonly spec: ReleaseOrderSpec; readonly tx: Transaction<Database> } & Scope,
): Promise<OrderWorld> {
  const fleet = await readFleet(tx, { tenantId, workspace: spec.workspace });
  const toRevision = "releases" in spec ? (spec.toRevision ?? null) : null;
  const rules = (await rulesOf(tx, fleet.workspace.id)).map(definitionOfRule);
  const releases: World[] = [];
  for (const release of releasesOf(spec)) {
    const named = [...namedRevisions(release), toRevision];
    const slots = await readSlotsIn(tx, fleet, { service: serviceOf(release), named });
    const gone = await goneOf(
      objects,
      [...new Set(named)].flatMap((id) => slots.revisions.get(id as RevisionId) ?? []),
    );
    const own = rules.filter(({ service }) => service === serviceOf(release));
    releases.push({ ...(await readRelease(tx, release, slots)), gone, rules: own });
  }
  const workspaceId = fleet.workspace.id;
  if (blueGreenOf(spec) === null && weightsOf(spec) === null) return { workspaceId, releases };
  return {
    ...{ workspaceId, releases },
    cells: await cellsOf(tx, workspaceId),
    serving: await servingIn(tx, workspaceId),
  };
}

async function readRelease(
  tx: Transaction<Database>,
  release: Release,
  slots: SlotWorld,
): Promise<Omit<World, "gone" | "rules">> {
  const { tenantId, workspace, service, revisions } = slots;
  const definition = definitionOf(release, service);
  const application = await findApplication(tx, { tenantId, name: release.application });
  const rules = routesFor(definition, revisions, release);
  const buildpack = definition === null ? null : await buildpackFor(tx, tenantId, definition);
  const serviceId = service?.id ?? null;
  // A service that has come since it was looked for holds its routes itself; what moved is told at the start.
  const taken = await findTakenRoute(tx, { workspaceId: workspace.id, serviceId, routes: rules });
  return {
    ...slots,
    application,
    fresh: { serviceId: newId(ServiceId, "svc"), revisionId: newId(RevisionId, "rev") },
    package:
      "package" in release && application !== null
        ? await findPackage(tx, { tenantId, applicationId: application.id, version: release.package.version })
        : null,
    buildpack,
    scripts: await scriptsOf(tx, tenantId, [
      ...new Set([
        ...[...revisions.values()].map((one) => one.buildpack.digest),
        ...(buildpack === null ? [] : [buildpack.digest]),
      ]),
    ]),
    templates: await templatesFor(tx, tenantId, flowOf(release, service)),
    routes: service === null ? [] : await routesOf(tx, service.id),
    takenRoute: taken?.service === release.application ? null : taken,
  };
}

/** Revisions whose package or buildpack is stored no more. */
async function goneOf(
  objects: Pick<ObjectStore, "size">,
  revisions: readonly Revision[],
): Promise<ReadonlySet<RevisionId>> {
  const gone = new Set<RevisionId>();
  for (const { id, packageDigest, buildpack } of revisions) {
    for (const digest of [packageDigest, buildpack.digest]) if ((await objects.size(digest)) === null) gone.add(id);
  }
  return gone;
}

async function templatesFor(tx: Transaction<Database>, tenantId: TenantId, flow: readonly FlowEntry[]) {
  const found = new Map<string, CommandTemplate>();
  for (const { template: reference } of flow) {
    const template = await findTemplate(tx, { tenantId, reference });
    if (template !== null) found.set(reference, template);
  }
  return found;
}

async function buildpackFor(tx: Transaction<Database>, tenantId: TenantId, definition: ServiceDefinition) {
  const [name = "", version] = definition.buildpack.split("@");
  const found = await findBuildpack(tx, { tenantId, name, version: version ?? null });
  return found === null ? null : { ...found, start: found.definition.start ?? null };
}

function namedRevisions(spec: Release): (RevisionId | null)[] {
  if ("revisionId" in spec) return [spec.revisionId];
  if ("restore" in spec) return [spec.restore.revisionId, ...spec.restore.targets.map(({ revisionId }) => revisionId)];
  return [];
}

function routesFor(
  definition: ServiceDefinition | null,
  revisions: ReadonlyMap<RevisionId, Revision>,
  spec: Release,
): readonly RouteRule[] {
  if ("package" in spec) return definition?.routes ?? [];
  const id = "restore" in spec ? spec.restore.revisionId : spec.revisionId;
  return id === null ? [] : (revisions.get(id)?.configuration.routes ?? []);
}
