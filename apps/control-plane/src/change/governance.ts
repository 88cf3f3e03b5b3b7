import type { OpenApproval } from "@evenkeel/contracts/approval";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { type Problem, problemOf, type Refusal } from "@evenkeel/contracts/error";
import type { ChangeId, Digest, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { ChangeRow } from "./store/snapshot.ts";

/** A change as rules see it. */
export interface GovernedChange {
  readonly changeId: ChangeId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly kind: string;
  readonly plan: Plan;
  readonly planDigest: Digest;
  /** Who made the change, and who made its plan as it is. */
  readonly authors: readonly string[];
  readonly emergency: boolean;
}

/** What the rules of an installation say of a start. */
export interface Judgement {
  /** Time alone does not free it. */
  readonly refusal: Refusal | null;
  /** It opens by itself. */
  readonly shut: Refusal | null;
  readonly approvals: readonly OpenApproval[];
  /** What an emergency passes over, in words. */
  readonly waived: readonly string[];
}

/** The rules of an installation, as the kernel needs them: it knows none by name. All of it happens in the transaction of the verb. */
export interface GovernancePort {
  /** `at`: null = now, by the database's clock. */
  judge(tx: Kysely<Database>, change: GovernedChange, at: string | null): Promise<Judgement>;
  /** Stores one principal's word for the plan as it is, or throws why it does not count. */
  approve(tx: Kysely<Database>, change: GovernedChange, by: string): Promise<void>;
  /** What was approved is no longer the plan. */
  voidApprovals(tx: Kysely<Database>, changeId: ChangeId): Promise<void>;
  recordEmergency(
    tx: Kysely<Database>,
    emergency: {
      readonly tenantId: TenantId;
      readonly changeId: ChangeId;
      readonly by: string;
      readonly reason: string;
      readonly waived: readonly string[];
    },
  ): Promise<void>;
}

const FREE: Judgement = { refusal: null, shut: null, approvals: [], waived: [] };

/** Asks the rules about a start; a way back is never barred. */
export async function judge(
  governance: GovernancePort,
  tx: Kysely<Database>,
  { change, at }: { readonly change: ChangeRow; readonly at: string | null },
): Promise<Judgement> {
  return change.rollback_of === null ? await governance.judge(tx, governedOf(change), at) : FREE;
}

/** The row of a change as rules see it. */
export function governedOf(change: ChangeRow): GovernedChange {
  return {
    changeId: change.id,
    tenantId: change.tenant_id,
    workspaceId: change.workspace_id,
    kind: change.kind,
    plan: change.plan,
    planDigest: change.plan_digest,
    authors: [change.created_by, ...(change.planned_by === null ? [] : [change.planned_by])],
    emergency: change.emergency,
  };
}

/** What a change without its approvals waits for, in words. */
export function approvalWords(approvals: readonly OpenApproval[]): string {
  const each = approvals.map(({ rule, count, approvedBy }) =>
    say("wait.more-words", { count: count - approvedBy.length, rule }),
  );
  return say("wait.approval", { rules: each });
}

/** Why a change that was ready to begin is not any more. */
export function approvalMissing(approvals: readonly OpenApproval[]): Problem {
  return problemOf("APPROVAL_MISSING", { rules: approvals.map(({ rule }) => rule) });
}
