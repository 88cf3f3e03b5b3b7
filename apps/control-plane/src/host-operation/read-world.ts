import { PlatformError } from "@evenkeel/contracts/error";
import type { HostOperationSpec } from "@evenkeel/contracts/host-operation";
import type { Transaction } from "kysely";
import { onlineHosts } from "../agent-link/index.ts";
import type { Scope } from "../change/index.ts";
import type { Database } from "../database.ts";
import { hostsOf } from "../host/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import type { World } from "./world.ts";

/** Reads the world for an operation on hosts. */
export async function readWorld(
  spec: HostOperationSpec,
  tx: Transaction<Database>,
  { tenantId }: Scope,
): Promise<World> {
  const workspace = await findWorkspace(tx, { tenantId, name: spec.workspace });
  if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${spec.workspace}` });
  const hosts = await hostsOf(tx, workspace.id);
  const ids = hosts.map(({ id }) => id);
  const online = await onlineHosts(tx, ids);
  return { workspace, hosts: hosts.map((host) => ({ ...host, online: online.has(host.id) })) };
}
