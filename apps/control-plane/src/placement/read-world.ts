import { PlatformError } from "@evenkeel/contracts/error";
import type { Name, ServiceId, TenantId } from "@evenkeel/contracts/id";
import type { Transaction } from "kysely";
import { placementsOf, readBases, readClusters } from "../base-cluster/index.ts";
import type { Database } from "../database.ts";
import { bundlesOf } from "../module/index.ts";
import { type UpstreamState, upstreamsOf } from "../route/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import type { PlacementWorld } from "./plan/index.ts";

export interface WhichWorld {
  readonly tenantId: TenantId;
  readonly workspace: string;
  /** Modules that are named beside those that are placed. */
  readonly modules: readonly string[];
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
  const placed = [...placements.values()].flat().map(({ module }) => module);
  const held = bases.flatMap(({ report }) => (report?.modules ?? []).map((module) => module.name));
  const names = [...new Set([...which.modules, ...placed, ...held])] as Name[];
  const services = new Set(bases.filter(which.moving).map(({ serviceId }) => serviceId));
  const upstreams = new Map<ServiceId, UpstreamState[]>();
  for (const serviceId of services) upstreams.set(serviceId, await upstreamsOf(tx, serviceId));
  return { workspace, clusters, placements, bases, bundles: await bundlesOf(tx, { tenantId, names }), upstreams };
}
