import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { BlockedBy, ChangeEvent } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ChangeState, StepState, TargetState } from "@evenkeel/contracts/change-state";
import type { Problem } from "@evenkeel/contracts/error";
import type { GuardOutcome } from "@evenkeel/contracts/guard";
import type { ChangeId, CommandId, Digest, ReplicaId, StepId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { ColumnType, Generated } from "kysely";
import type { RollbackDemand } from "./rollback.ts";
import type { PauseCause, PauseMode, Phase } from "./snapshot.ts";

type Json<T> = ColumnType<T, string, string>;
type MaybeJson<T> = ColumnType<T | null, string | null | undefined, string | null>;
type MaybeMoment = ColumnType<string | null, string | null | undefined, string | null>;

interface ChangeTable {
  id: ChangeId;
  tenant_id: TenantId;
  workspace_id: WorkspaceId;
  kind: string;
  title: string;
  spec: Json<unknown>;
  plan: Json<Plan>;
  plan_digest: Digest;
  /** Of the plan, as is `irreversible`; null = look there. */
  target_count: number | null;
  irreversible: string | null;
  state: ChangeState;
  state_since: Generated<string>;
  problem: MaybeJson<Problem>;
  waiting_for: string | null;
  reason: string | null;
  pause_mode: Generated<PauseMode>;
  pause_cause: Generated<PauseCause>;
  /** For how long it has got no further than `idle_mark` says. */
  idle_ms: Generated<number>;
  idle_mark: string | null;
  /** What was asked for, while the change waits for its rollback to begin. */
  rollback_demand: MaybeJson<RollbackDemand>;
  start_at: MaybeMoment;
  expires_at: MaybeMoment;
  created_by: string;
  /** Who made the plan as it is; null = who made the change. */
  planned_by: string | null;
  /** Its start passes over windows and approvals. */
  emergency: Generated<boolean>;
  created_at: Generated<string>;
  started_at: MaybeMoment;
  finished_at: MaybeMoment;
  rollback_of: ChangeId | null;
  rollback_change_id: ChangeId | null;
  rolled_back_by: ChangeId | null;
  left_behind: ColumnType<string[], string | undefined, string>;
  sequence: Generated<number>;
  lease_owner: ReplicaId | null;
  lease_token: Generated<number>;
  lease_until: MaybeMoment;
}

interface ChangeBatchTable {
  change_id: ChangeId;
  batch_id: string;
  confirmed: Generated<boolean>;
  baked_ms: Generated<number>;
  watched_ms: Generated<number>;
  started_at: MaybeMoment;
  finished_at: MaybeMoment;
}

interface ChangeVerdictTable {
  change_id: ChangeId;
  batch_id: string;
  /** Its place in the strategy's list. */
  guard: number;
  moment: "before" | "after";
  outcome: GuardOutcome | null;
  final: Generated<boolean>;
  looks: Generated<number>;
  asking: Generated<boolean>;
  elapsed_ms: Generated<number>;
  /** Where a pending answer is asked for. */
  status_url: string | null;
  text: string;
  evidence: ColumnType<Record<string, unknown>, string | undefined, string>;
  at: Generated<string>;
  overruled_by: string | null;
}

interface ChangeTargetTable {
  change_id: ChangeId;
  target_id: string;
  state: TargetState;
  round: Generated<number>;
  from_index: Generated<number>;
  reattach: Generated<boolean>;
  problem: MaybeJson<Problem>;
  started_at: MaybeMoment;
  finished_at: MaybeMoment;
}

interface ChangeStepTable {
  id: StepId;
  change_id: ChangeId;
  target_id: string;
  phase: Phase;
  name: string;
  type: string;
  attempt: number;
  round: number;
  state: StepState;
  command_id: CommandId | null;
  revoking: Generated<boolean>;
  elapsed_ms: Generated<number>;
  waiting_for: string | null;
  blocked_by: MaybeJson<BlockedBy>;
  outcome: MaybeJson<Outcome>;
  facts: ColumnType<Record<string, unknown>, string | undefined, string>;
  dispatched_at: Generated<string>;
  started_at: MaybeMoment;
  finished_at: MaybeMoment;
}

interface ChangeEventTable {
  change_id: ChangeId;
  sequence: number;
  at: Generated<string>;
  type: ChangeEvent["type"];
  data: Json<ChangeEvent["data"]>;
}

interface LockTable {
  resource: string;
  change_id: ChangeId;
  tenant_id: TenantId;
  mode: "shared" | "exclusive";
  label: string;
  since: Generated<string>;
}

/** What a started change may have altered: tells later whether something newer touched the same. */
interface ChangeResourceTable {
  change_id: ChangeId;
  resource: string;
  started_at: Generated<string>;
}

export interface ChangeTables {
  change: ChangeTable;
  change_batch: ChangeBatchTable;
  change_target: ChangeTargetTable;
  change_verdict: ChangeVerdictTable;
  change_step: ChangeStepTable;
  change_event: ChangeEventTable;
  lock: LockTable;
  change_resource: ChangeResourceTable;
}
