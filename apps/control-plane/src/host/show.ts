import type { Host, HostFacts, HostState } from "@evenkeel/contracts/host";
import type { HostId, WorkspaceId } from "@evenkeel/contracts/id";

/** A host and its connection, as read. */
export interface HostRow {
  readonly id: HostId;
  readonly workspaceId: WorkspaceId;
  readonly name: string;
  readonly zone: string;
  readonly cell: string | null;
  readonly address: string;
  readonly labels: Record<string, string>;
  readonly setAside: "journal-lost" | "duplicate" | null;
  readonly setAsideAt: string | null;
  readonly connectionEpoch: number;
  /** Null unless a living replica holds its connection. */
  readonly connectedAt: string | null;
  /** When its last connection ended, or the lease of the replica that held it. */
  readonly offlineAt: string | null;
  readonly facts: HostFacts | null;
  readonly clockSkewMs: number | null;
  readonly version: number;
  readonly createdAt: string;
}

export function showHost(row: HostRow): Host {
  const { state, since } = stateOf(row);
  const { id, workspaceId, name, zone, cell, address, labels, facts, clockSkewMs, version, createdAt } = row;
  return {
    id,
    workspaceId,
    name,
    zone,
    cell,
    address,
    labels,
    state,
    stateSince: since,
    facts,
    clockSkewMs,
    version,
    createdAt,
    allowedActions: ["edit", ...(row.setAside === null ? [] : ["admit"]), "remove"],
  };
}

function stateOf(row: HostRow): { state: HostState; since: string } {
  if (row.setAside !== null) return { state: row.setAside, since: row.setAsideAt ?? row.createdAt };
  if (row.connectedAt !== null) return { state: "online", since: row.connectedAt };
  if (row.connectionEpoch === 0) return { state: "joining", since: row.createdAt };
  return { state: "offline", since: row.offlineAt ?? row.createdAt };
}
