import { PlatformError } from "@evenkeel/contracts/error";
import type { ServiceId, TenantId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import { placementsOf, readBases, readClusters } from "../base-cluster/index.ts";
import type { Database } from "../database.ts";
import { bundlesOf, type ModuleKey } from "../module/index.ts";
import { type UpstreamState, upstreamsOf } from "../route/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { keysOf, type PlacementWorld } from "./plan/index.ts";

export interface WhichWorld {
  readonly tenantId: TenantId;
  readonly workspace: string;
  /** Versions that are named beside those that are placed or stand on a base. */
  readonly modules: readonly ModuleKey[];
  /** Bases that may leave the routes and come back: by their names. */
  readonly moving: (base: { readonly id: string; readonly name: string; readonly clusterId: string | null }) => boolean;
}

/** Reads the bases and clusters of a workspace, and the modules that stand there or shall. */
export async function readPlacement(tx: Transaction<Database>, which: WhichWorld): Promise<PlacementWorld> {
  const { tenantId, workspace: name } = which;
  const workspace = await findWorkspace(tx, { tenantId, name });
  if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
  const clusters = await readClusters(tx, { tenantId, workspace: name });
  const placements = await placementsOf(
    tx,
    clusters.map(({ id }) => id),
  );
  const bases = await readBases(tx, { tenantId, workspace: name });
  const placed = [...placements.values()].flat().flatMap(({ module, versions }) => keysOf(module, versions));
  const held = bases.flatMap(({ report }) => report?.modules ?? []);
  const keys = [...new Map([...which.modules, ...placed, ...held].map((one) => [`${one.name}@${one.version}`, one]))];
  const services = new Set(bases.filter(which.moving).map(({ serviceId }) => serviceId));
  const upstreams = new Map<ServiceId, UpstreamState[]>();
  for (const serviceId of services) upstreams.set(serviceId, await upstreamsOf(tx, serviceId));
  const bundles = await bundlesOf(tx, { tenantId, keys: keys.map(([, { name, version }]) => ({ name, version })) });
  return { workspace, clusters, placements, bases, bundles, upstreams };
}
