import { PlatformError } from "@evenkeel/contracts/error";
import type { Digest, RevisionId, TenantId } from "@evenkeel/contracts/id";
import type { Revision } from "@evenkeel/contracts/service";
import type { Transaction } from "kysely";
import { onlineHosts } from "../agent-link/index.ts";
import { findBuildpack } from "../buildpack/index.ts";
import type { Database } from "../database.ts";
import { hostsOf } from "../host/index.ts";
import { findPackage } from "../package/index.ts";
import { readRevisions, revisionsOf } from "../revision/index.ts";
import { confirmation, upstreamsOf } from "../route/index.ts";
import { findService, instancesOf, type StoredService } from "../service/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import type { SlotWorld } from "./plan/index.ts";

/** Names of a service and its workspace. */
export interface WhichSlots {
  readonly tenantId: TenantId;
  readonly workspace: string;
  readonly service: string;
}

/** What all services of a workspace have in common. */
type Fleet = Pick<SlotWorld, "tenantId" | "workspace" | "hosts" | "gateways">;

/** Reads the hosts and gateways of a workspace. */
export async function readFleet(
  tx: Transaction<Database>,
  { tenantId, workspace: name }: Pick<WhichSlots, "tenantId" | "workspace">,
): Promise<Fleet> {
  const workspace = await findWorkspace(tx, { tenantId, name });
  if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
  const hosts = await hostsOf(tx, workspace.id);
  const online = await onlineHosts(
    tx,
    hosts.map(({ id }) => id),
  );
  return {
    tenantId,
    workspace,
    hosts: hosts.map((host) => ({ ...host, online: online.has(host.id) })),
    gateways: (await confirmation(tx, workspace.id, 0)).gateways,
  };
}

interface WhichService {
  readonly service: string;
  /** More revisions that the plan may name. */
  readonly named: readonly (RevisionId | null)[];
}

/** Reads what stands in the slots of one service on hosts that were read already. */
export async function readSlotsIn(
  tx: Transaction<Database>,
  fleet: Fleet,
  { service: name, named }: WhichService,
): Promise<SlotWorld> {
  const { tenantId, workspace } = fleet;
  const service = await findService(tx, { tenantId, workspaceId: workspace.id, name });
  const instances = service === null ? [] : await instancesOf(tx, service.id);
  const running = instances.map(({ revisionId }) => revisionId);
  const revisions = await revisionsFor(tx, service, [...named, ...running]);
  return {
    ...fleet,
    service,
    instances,
    upstreams: service === null ? [] : await upstreamsOf(tx, service.id),
    revisions,
    sizes: await sizesFor(tx, tenantId, revisions),
  };
}

/** Reads what stands in the slots of a service, the hosts without it included. */
export async function readSlots(
  tx: Transaction<Database>,
  which: WhichSlots,
  named: readonly (RevisionId | null)[] = [],
): Promise<SlotWorld> {
  return await readSlotsIn(tx, await readFleet(tx, which), { service: which.service, named });
}

async function revisionsFor(
  tx: Transaction<Database>,
  service: StoredService | null,
  named: readonly (RevisionId | null)[],
): Promise<Map<RevisionId, Revision>> {
  if (service === null) return new Map();
  const all = [...named, service.revisionId, service.previousRevisionId];
  const ids = all.filter((id) => id !== null);
  const found = [...(await readRevisions(tx, [...new Set(ids)])).values(), ...(await revisionsOf(tx, service.id))];
  return new Map(found.filter(({ serviceId }) => serviceId === service.id).map((revision) => [revision.id, revision]));
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
