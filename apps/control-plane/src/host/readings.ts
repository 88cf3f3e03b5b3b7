import type { HostFacts } from "@evenkeel/contracts/host";
import type { HostId } from "@evenkeel/contracts/id";

/** The latest that a connected host has told of itself, fresher than the database; null = it is not connected to this replica, or has told nothing yet. */
export type HostReadings = (hostId: HostId) => { facts: HostFacts; clockSkewMs: number | null } | null;
