import type { HostId, WorkspaceId } from "@evenkeel/contracts/id";

/** A host as the planner may know it. */
export interface OperatedHost {
  readonly id: HostId;
  readonly name: string;
  readonly zone: string;
  readonly cell: string | null;
  readonly version: number;
  readonly online: boolean;
}

/** What an operation on hosts may know of the world. */
export interface World {
  readonly workspace: { readonly id: WorkspaceId; readonly name: string; readonly zones: readonly string[] };
  readonly hosts: readonly OperatedHost[];
}
