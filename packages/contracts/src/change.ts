import { z } from "zod";
import { Outcome } from "./agent-protocol.ts";
import { Cause } from "./cause.ts";
import { Plan } from "./change-plan.ts";
import {
  BatchState,
  ChangeAction,
  ChangeState,
  GroupState,
  StepState,
  TargetState,
  TargetTraffic,
} from "./change-state.ts";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Problem } from "./error.ts";
import { GuardVerdict } from "./guard.ts";
import { ChangeId, Digest, HostId, Moment, Name, RevisionId, ServiceId, StepId, WorkspaceId } from "./id.ts";
import { Strategy } from "./strategy.ts";

/** So many targets are in the tree of a change unless somebody asks for more. */
export const TREE_TARGETS = 200;

export const StepView = z.strictObject({
  /** Of the attempt; null = none was made yet. */
  id: StepId.nullable(),
  name: z.string(),
  type: z.string(),
  on: z.enum(["agent", "control"]),
  phase: z.enum(["opening", "stage", "run", "clean", "re-attach", "closing"]),
  attempt: z.int(),
  state: StepState,
  startedAt: Moment.nullable(),
  finishedAt: Moment.nullable(),
  /** What a running step waits for, in words. */
  waitingFor: z.string().nullable(),
  outcome: Outcome.nullable(),
  /** Why it failed, most certain first; empty as long as it did not. */
  causes: z.array(Cause).default([]),
});
export type StepView = z.infer<typeof StepView>;

const acts = { allowedActions: z.array(ChangeAction) };

export const TargetView = z.strictObject({
  targetId: z.string(),
  name: z.string(),
  hostId: HostId.nullable(),
  zone: z.string(),
  state: TargetState,
  traffic: TargetTraffic,
  from: z.string().nullable(),
  to: z.string().nullable(),
  startedAt: Moment.nullable(),
  finishedAt: Moment.nullable(),
  problem: Problem.nullable(),
  steps: z.array(StepView),
  ...acts,
});
export type TargetView = z.infer<typeof TargetView>;

const counts = z.strictObject({
  total: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  running: z.int(),
  pending: z.int(),
  skipped: z.int(),
  offline: z.int(),
  unknown: z.int(),
});

export const BatchView = z.strictObject({
  batchId: z.string(),
  name: z.string(),
  beta: z.boolean(),
  state: BatchState,
  gate: z.enum(["start", "traffic"]).nullable(),
  confirmed: z.boolean(),
  bakeMs: z.int(),
  bakedMs: z.int(),
  /** When its bake will be over if nobody pauses it; null = it does not bake now. */
  bakesUntil: Moment.nullable(),
  startedAt: Moment.nullable(),
  finishedAt: Moment.nullable(),
  /** What the guards have found so far. */
  guards: z.array(GuardVerdict),
  /** Of all its targets, those that are not in this tree too. */
  targetCounts: counts.extend({
    /** So many of them move traffic and are no host. */
    moves: z.int().default(0),
  }),
  /** In the order of the plan; of a large change those in trouble, those in hand, then others as far as there is room. */
  targets: z.array(TargetView),
  ...acts,
});
export type BatchView = z.infer<typeof BatchView>;

export const GroupView = z.strictObject({
  groupId: z.string(),
  name: z.string(),
  state: GroupState,
  after: z.array(z.string()),
  batches: z.array(BatchView),
  ...acts,
});
export type GroupView = z.infer<typeof GroupView>;

export const ChangeSummary = z.strictObject({
  id: ChangeId,
  workspaceId: WorkspaceId,
  kind: z.string(),
  title: z.string(),
  state: ChangeState,
  stateSince: Moment,
  /** Why it is paused, failed, rolling back. */
  problem: Problem.nullable(),
  /** Why hosts of it failed, as far as their last words tell; the tree has those of each step. */
  causes: z.array(Cause).default([]),
  waitingFor: z.string().nullable(),
  reason: z.string().nullable(),
  createdBy: z.string(),
  createdAt: Moment,
  startedAt: Moment.nullable(),
  finishedAt: Moment.nullable(),
  rollbackOf: ChangeId.nullable(),
  /** The rollback under way or done, of a running change. */
  rollbackChangeId: ChangeId.nullable(),
  /** The rollback of a succeeded change. */
  rolledBackBy: ChangeId.nullable(),
  planDigest: Digest,
  targets: counts,
  ...acts,
});
export type ChangeSummary = z.infer<typeof ChangeSummary>;

export const Change = ChangeSummary.extend({
  spec: z.unknown(),
  /** The number of its last event. */
  sequence: z.int(),
  /** What it holds; of a large change the first, and `GET /locks` has them all. */
  locks: z.array(
    z.strictObject({ resource: z.string(), label: z.string(), mode: z.enum(["shared", "exclusive"]), since: Moment }),
  ),
  /** Whose instances it touches. */
  services: z.array(ServiceId).default([]),
  opening: z.array(StepView),
  closing: z.array(StepView),
  groups: z.array(GroupView),
  warnings: z.array(z.string()),
  /** What a take-over or a close left behind. */
  leftBehind: z.array(z.string()),
});
export type Change = z.infer<typeof Change>;

/** One entry of the life of a change; `sequence` counts from 1 without gaps. */
export const ChangeEvent = z.strictObject({
  sequence: z.int(),
  at: Moment,
  type: z.enum(["change", "batch", "target", "step", "output", "verb", "guard"]),
  /** `{id?, name, from?, to?, …}`; of `output`: {stepId, target, text}; of `guard`: {batchId, batch, name, outcome, text, evidence}. */
  data: z.record(z.string(), z.unknown()),
});
export type ChangeEvent = z.infer<typeof ChangeEvent>;

/** What one step has printed, piece by piece. */
export const StepOutput = z.strictObject({ sequence: z.int(), at: Moment, stepId: StepId, text: z.string() });
export type StepOutput = z.infer<typeof StepOutput>;

/** What a live picture of a change is made of. */
export const ChangeTreeEvent = z.discriminatedUnion("kind", [
  /**
   * The change as it stands, with those targets alone that have moved; of more than TREE_TARGETS only `states` tells. When the change as a whole
   * has moved, as many as it has room for of those with which something else may be done now.
   */
  z.strictObject({ kind: z.literal("tree"), change: Change, states: z.record(z.string(), TargetState) }),
  z.strictObject({ kind: z.literal("output"), ...StepOutput.shape, targetId: z.string() }),
]);
export type ChangeTreeEvent = z.infer<typeof ChangeTreeEvent>;

export const PlanRequest = z.strictObject({ kind: z.string().max(60), spec: z.unknown() });
export type PlanRequest = z.infer<typeof PlanRequest>;
export const PlanReply = z.strictObject({ plan: Plan, digest: Digest });
export type PlanReply = z.infer<typeof PlanReply>;

export const RollbackSpeed = z.enum(["follow", "fast"]);
export type RollbackSpeed = z.infer<typeof RollbackSpeed>;
const reason = z.string().min(1).max(1000);

/** At least one of these; without any the refusal says what is missing. */
const someOf = <One extends z.ZodType>(one: One, what: string) => z.array(one).min(1, `name ${what}`);

export const VERB_BODIES = {
  start: z.strictObject({
    at: Moment.optional(),
    expiresAt: Moment.optional(),
    wait: z.boolean().optional(),
    emergency: z.boolean().optional(),
    reason: reason.optional(),
  }),
  /** Without `groups` the plan is made anew from the spec; with them its batches are arranged by hand. */
  replan: z.strictObject({
    groups: z
      .array(
        z.strictObject({
          groupId: z.string(),
          batches: z
            .array(z.strictObject({ name: z.string().min(1).max(200), targetIds: z.array(z.string()).min(1) }))
            .min(1),
        }),
      )
      .optional(),
  }),
  /** With `planDigest` only if that is still the plan: what was read is what is approved. */
  approve: z.strictObject({ planDigest: Digest.optional() }),
  reject: z.strictObject({ reason }),
  pause: z.strictObject({ now: z.boolean().optional() }),
  resume: z.strictObject({}),
  confirm: z.strictObject({ batchIds: someOf(z.string(), "a batch") }),
  retry: z.strictObject({ targetIds: someOf(z.string(), "a host").optional() }),
  skip: z.strictObject({ targetIds: someOf(z.string(), "a host"), traffic: z.enum(["leave-detached", "re-attach"]) }),
  "declare-lost": z.strictObject({ stepIds: someOf(StepId, "a step by its id, as `change show` lists it"), reason }),
  cancel: z.strictObject({}),
  rollback: z.strictObject({
    speed: RollbackSpeed,
    strategy: Strategy.optional(),
    toRevision: RevisionId.optional(),
    reason,
  }),
  close: z.strictObject({ reason }),
} as const satisfies Record<ChangeAction, z.ZodType>;
export type VerbBody<Action extends ChangeAction> = z.infer<(typeof VERB_BODIES)[Action]>;

/** With `start` it is created and started as one: where the start is refused, nothing is kept. It needs `change:start` too. */
export const CreateChange = PlanRequest.extend({
  reason: z.string().max(1000).optional(),
  start: VERB_BODIES.start.optional(),
});
export type CreateChange = z.infer<typeof CreateChange>;

const byChange = z.strictObject({ changeId: ChangeId });

/** Answers with the change itself; `rollback` of one that has ended answers with the rollback change. */
function verb<const Action extends ChangeAction>(action: Action) {
  return endpoint("POST", `/changes/{changeId}/${action}`, {
    needs: `change:${action}` as const,
    params: byChange,
    body: VERB_BODIES[action],
    reply: Change,
    idempotent: true,
  });
}

export const Lock = z.strictObject({
  resource: z.string(),
  label: z.string(),
  mode: z.enum(["shared", "exclusive"]),
  changeId: ChangeId,
  title: z.string(),
  holder: z.string(),
  since: Moment,
  state: ChangeState,
  /** Why the holder was started, as its people said. */
  reason: z.string().nullable(),
});
export type Lock = z.infer<typeof Lock>;

/** Something that `doctor` found: what, since when, and what frees it. */
export const Finding = z.strictObject({
  severity: z.enum(["error", "warning", "note"]),
  resource: z.string(),
  problem: Problem,
  /** Why, as far as the last words of what failed tell. */
  causes: z.array(Cause).optional(),
  since: Moment.nullable(),
  actions: z.array(z.string()),
  /** Ids of the services, hosts and changes that it is about. */
  about: z.array(z.string()).optional(),
});
export type Finding = z.infer<typeof Finding>;

/** One thing that keeps a change from going on, and the commands that free it, as far as the caller may give them. */
export const Blocker = z.strictObject({
  kind: z.enum([
    "admission",
    "window",
    "approval",
    "lock",
    "time",
    "host",
    "gateway",
    "step",
    "target",
    "confirmation",
    "person",
  ]),
  problem: Problem,
  since: Moment.nullable(),
  actions: z.array(z.string()),
});
export type Blocker = z.infer<typeof Blocker>;
/** What does not go by itself, though nothing has failed: its cause, and the commands that free it. */
export type BlockedBy = Omit<Blocker, "since">;

export const changeEndpoints = {
  planChange: endpoint("POST", "/changes/plan", { needs: "change-kind:create", body: PlanRequest, reply: PlanReply }),
  createChange: endpoint("POST", "/changes", {
    needs: "change-kind:create",
    body: CreateChange,
    reply: Change,
    status: 201,
    idempotent: true,
  }),
  listChanges: endpoint("GET", "/changes", {
    needs: "change:read",
    query: pageQuery.extend({
      workspace: Name.optional(),
      service: ServiceId.optional(),
      host: HostId.optional(),
      state: ChangeState.optional(),
      kind: z.string().optional(),
    }),
    reply: page(ChangeSummary),
  }),
  /** Its tree holds `targets` of them at most; `listChangeTargets` has them all. */
  getChange: endpoint("GET", "/changes/{changeId}", {
    needs: "change:read",
    params: byChange,
    query: z.strictObject({ targets: z.coerce.number().int().min(0).max(1000).default(TREE_TARGETS) }),
    reply: Change,
  }),
  /** Every target of a change in the order of its plan; of one batch, or in one state. */
  listChangeTargets: endpoint("GET", "/changes/{changeId}/targets", {
    needs: "change:read",
    params: byChange,
    query: pageQuery.extend({ batch: z.string().max(200).optional(), state: TargetState.optional() }),
    reply: page(TargetView.extend({ batchId: z.string() })),
  }),
  getPlan: endpoint("GET", "/changes/{changeId}/plan", { needs: "change:read", params: byChange, reply: PlanReply }),
  /** Server-sent events of `ChangeEvent`, id = sequence; resumes after `Last-Event-ID`; ends after the terminal state. */
  watchChange: endpoint("GET", "/changes/{changeId}/events", {
    needs: "change:read",
    params: byChange,
    replyKind: "events",
  }),
  /** Server-sent events of `ChangeTreeEvent`: what has moved after `Last-Event-ID`, gathered; ends after the terminal state. */
  watchChangeTree: endpoint("GET", "/changes/{changeId}/tree/events", {
    needs: "change:read",
    params: byChange,
    replyKind: "events",
  }),
  /** What a step has printed while it ran, oldest first. */
  listOutput: endpoint("GET", "/changes/{changeId}/steps/{stepId}/output", {
    needs: "change:read",
    params: byChange.extend({ stepId: StepId }),
    query: pageQuery,
    reply: page(StepOutput),
  }),
  startChange: verb("start"),
  replanChange: verb("replan"),
  approveChange: verb("approve"),
  rejectChange: verb("reject"),
  pauseChange: verb("pause"),
  resumeChange: verb("resume"),
  confirmChange: verb("confirm"),
  retryChange: verb("retry"),
  skipChange: verb("skip"),
  declareLostChange: verb("declare-lost"),
  cancelChange: verb("cancel"),
  rollbackChange: verb("rollback"),
  closeChange: verb("close"),
  /** What a rollback would do, now and at this speed; stores nothing. */
  planRollback: endpoint("POST", "/changes/{changeId}/rollback/plan", {
    needs: "change:rollback",
    params: byChange,
    body: VERB_BODIES.rollback.omit({ reason: true }),
    reply: PlanReply,
  }),
  /** What keeps the change from going on now; empty = nothing, or it has ended. */
  listBlockers: endpoint("GET", "/changes/{changeId}/blockers", {
    needs: "change:read",
    params: byChange,
    reply: z.strictObject({ items: z.array(Blocker) }),
  }),
  listLocks: endpoint("GET", "/locks", {
    needs: "change:read",
    query: pageQuery.extend({ resource: z.string().max(200).optional() }),
    reply: page(Lock),
  }),
  /** Closes the change that holds the resource, however far it is; where several hold it, `changeId` says which. */
  takeLockOver: endpoint("POST", "/locks/take-over", {
    needs: "lock:take-over",
    body: z.strictObject({ resource: z.string().max(200), changeId: ChangeId.optional(), reason }),
    reply: Change,
    idempotent: true,
  }),
};
