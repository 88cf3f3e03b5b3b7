import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { Name, ServiceId } from "@evenkeel/contracts/id";
import type { SetTrafficRule, TrafficPolicy, UserKey } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import type { PlacedHost } from "../../host/index.ts";

export interface CellWeight {
  readonly cell: string;
  readonly weight: number;
  readonly away: boolean;
}

/** What a cell is to be; what is not named stays. */
export type CellEdit = { readonly cell: string } & Partial<
  Pick<Cell, "weight" | "away" | "zones" | "type" | "gray" | "failOver">
>;

/** What one step writes; all of it is one version of the table. */
export interface RuleWrites {
  readonly put: readonly { readonly serviceId: ServiceId; readonly definition: SetTrafficRule }[];
  readonly remove: readonly Name[];
  readonly policies: readonly { readonly serviceId: ServiceId; readonly policy: TrafficPolicy | null }[];
  readonly userKey: readonly UserKey[] | null;
  readonly cells: readonly CellEdit[];
  readonly hosts: readonly PlacedHost[];
}

const CONFIRM_MS = 60_000;
const NOTHING: RuleWrites = { put: [], remove: [], policies: [], userKey: null, cells: [], hosts: [] };

/** The step that writes rules and waits for every gateway. */
export function setRules(writes: Partial<RuleWrites>, name = "set-rules"): PlannedStep {
  return {
    ...{ name, on: "control", type: "set-rules", input: { ...NOTHING, ...writes } },
    ...{ timeoutMs: CONFIRM_MS, repeatable: true, retryFrom: null, traffic: null },
  };
}

/** What is held by who alters the rules of a service. */
export const rulesLock = (workspaceId: string, service: string): string => `service/${workspaceId}/${service}/rules`;

/** What is held by who alters the cells of a workspace, or the hosts in them. */
export const cellsLock = (workspaceId: string): string => `cells/${workspaceId}`;
