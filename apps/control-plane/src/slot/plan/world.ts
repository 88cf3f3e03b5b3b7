import type { Digest, HostId, RevisionId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Instance, Revision } from "@evenkeel/contracts/service";
import type { UpstreamState } from "../../route/index.ts";
import type { StoredService } from "../../service/index.ts";

export interface WorldHost {
  readonly id: HostId;
  readonly name: string;
  readonly zone: string;
  readonly cell: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly version: number;
  readonly online: boolean;
}

/** What planners may know of a service's slots, read in one transaction. */
export interface SlotWorld {
  readonly tenantId: TenantId;
  readonly workspace: { readonly id: WorkspaceId; readonly name: string; readonly zones: readonly string[] };
  readonly service: StoredService | null;
  readonly hosts: readonly WorldHost[];
  readonly instances: readonly Instance[];
  readonly upstreams: readonly UpstreamState[];
  /** Revisions of this service that the plan may name. */
  readonly revisions: ReadonlyMap<RevisionId, Revision>;
  /** Sizes of what those revisions are made of, in bytes. */
  readonly sizes: ReadonlyMap<Digest, number>;
  readonly gateways: number;
}
