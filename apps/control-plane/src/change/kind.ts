import type { CommandInput, CommandType, Outcome } from "@evenkeel/contracts/agent-protocol";
import type { BlockedBy, RollbackSpeed } from "@evenkeel/contracts/change";
import type { LockRequest, Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { TargetState } from "@evenkeel/contracts/change-state";
import type { Problem, Refusal } from "@evenkeel/contracts/error";
import type { ChangeId, HostId, RevisionId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Strategy } from "@evenkeel/contracts/strategy";
import type { Transaction } from "kysely";
import type { Database } from "../database.ts";

export type Facts = Readonly<Record<string, unknown>>;

/** What a kind's `plan` gives: the kernel makes batches of its groups and freezes it. */
export interface Draft extends Omit<Plan, "kind" | "groups" | "locks"> {
  readonly groups: readonly {
    readonly groupId: string;
    readonly name: string;
    readonly after: readonly string[];
    readonly strategy: Strategy;
    readonly targetIds: readonly string[];
  }[];
}

/** Who asks, and where. */
export interface Scope {
  readonly tenantId: TenantId;
}

/** A target that a change has touched: at least one of its steps was sent and not revoked. */
export interface TouchedTarget extends PlannedTarget {
  readonly state: TargetState;
  readonly currentFacts: Facts;
}

export interface RollbackRequest {
  readonly changeId: ChangeId;
  readonly speed: RollbackSpeed;
  readonly strategy: Strategy | null;
  readonly toRevision: RevisionId | null;
}

/** A kind of change is a plug-in of another slice; it owns its spec and its plan's payload, no table and no state. */
export interface ChangeKind<Spec = unknown, World = unknown> {
  readonly kind: string;
  parse(spec: unknown): Spec;
  /** The world as the planner may know it, read in one transaction. */
  read(spec: Spec, tx: Transaction<Database>, scope: Scope): Promise<World>;
  workspaceOf(world: World): WorkspaceId;
  locks(spec: Spec, world: World): LockRequest[];
  plan(spec: Spec, world: World): Draft | Refusal;
  /** A last word about the batches that the strategy made; null = fine. */
  review(plan: Plan, world: World): Refusal | null;
  inverse(plan: Plan, touched: readonly TouchedTarget[], request: RollbackRequest): Spec | Refusal;
}

export interface StepContext {
  readonly tx: Transaction<Database>;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly changeId: ChangeId;
  readonly hostId: HostId | null;
  readonly slot: ServiceId | null;
  readonly targetFacts: Facts;
}

export type Observation =
  | { readonly kind: "done"; readonly facts?: Facts }
  | { readonly kind: "not-yet"; readonly waitingFor: string; readonly blockedBy?: BlockedBy }
  | { readonly kind: "failed"; readonly problem: Problem };

/** A step done by the control plane. `run` happens in the transaction that records it, so it happens once; `observe` is asked until it is done. */
export interface ControlStep {
  readonly type: string;
  run(input: Facts, context: StepContext): Promise<Facts>;
  observe(
    input: Facts,
    context: StepContext & { readonly facts: Facts; readonly elapsedMs: number },
  ): Promise<Observation>;
}

/** What an agent is about to be asked for. */
export interface AgentErrand {
  readonly hostId: HostId;
  readonly slot: ServiceId | null;
  readonly input: Facts;
}

/** A step done by a host's agent. */
export interface AgentStep<Type extends CommandType = CommandType> {
  readonly type: string;
  command(input: Facts): { readonly type: Type; readonly input: CommandInput<Type> };
  /** What stands against each of these, in their order, as the world is now; null = nothing. Such a step fails and no agent hears of it. */
  objections?(errands: readonly AgentErrand[], tx: Transaction<Database>): Promise<readonly (Problem | null)[]>;
  /** Fenced by epoch only, and idempotent by digest: does not queue behind what the slot does. */
  readonly slotless: boolean;
  /** What the target knows after a success. */
  reading(outcome: Extract<Outcome, { kind: "succeeded" }>): Facts;
}

/** Everything that kinds add to the kernel. */
export interface KindRegistry {
  readonly kinds: ReadonlyMap<string, ChangeKind>;
  readonly controlSteps: ReadonlyMap<string, ControlStep>;
  readonly agentSteps: ReadonlyMap<string, AgentStep>;
}
