import { z } from "zod";
import { TargetTraffic } from "./change-state.ts";
import { Digest, HostId, Name, RevisionId, ServiceId } from "./id.ts";
import { Strategy } from "./strategy.ts";

/** A name of something that only one change at a time may hold, e.g. `service/svc_…/revision`. */
export const LockRequest = z.strictObject({
  resource: z.string().max(200),
  /** `at-start`: nobody may hold it alone when the change begins; it is not held afterwards. */
  mode: z.enum(["shared", "exclusive", "at-start"]),
  label: z.string(),
});
export type LockRequest = z.infer<typeof LockRequest>;

/** One step of the frozen plan. `on: agent` is a command to the target's host; `on: control` is done by the control plane. */
export const PlannedStep = z.strictObject({
  name: z.string(),
  on: z.enum(["agent", "control"]),
  type: z.string(),
  /** Fields of the form {"fact": "name"} are filled from the target's facts when the step is dispatched. */
  input: z.record(z.string(), z.unknown()),
  timeoutMs: z.int(),
  /** May be run again after it was truly interrupted, without asking a person. */
  repeatable: z.boolean(),
  /** Where a retry begins again; null = at this step. */
  retryFrom: z.string().nullable(),
  /** What the target's traffic is while the step runs, and after it succeeded. */
  traffic: z.strictObject({ during: TargetTraffic, after: TargetTraffic }).nullable(),
  /** Gives traffic: behind the gate `traffic` of its batch it waits for a person. */
  gated: z.boolean().optional(),
});
export type PlannedStep = z.infer<typeof PlannedStep>;

export const PlannedTarget = z.strictObject({
  targetId: z.string(),
  name: z.string(),
  hostId: HostId.nullable(),
  /** Where it differs from `name`: strategies list hosts. */
  hostName: z.string().optional(),
  zone: z.string(),
  cell: z.string().nullable(),
  /** Of its host; a strategy may order by them. */
  labels: z.record(z.string(), z.string()).optional(),
  slot: ServiceId.nullable(),
  online: z.boolean(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** Done on all targets before the first batch; touches no process, link or route. */
  stage: z.array(PlannedStep),
  steps: z.array(PlannedStep),
  /** Takes the staging away after a cancel, on targets that were never touched. */
  clean: z.array(PlannedStep),
  /** Gives traffic back to what runs and is healthy, when the target is skipped with `re-attach`. */
  reattach: z.array(PlannedStep),
  /** Of a target that moves traffic and changes no host: the instances that guards look at once it has succeeded, and which of them get more. */
  watched: z
    .array(
      z.strictObject({
        ...{ name: z.string(), hostId: HostId, serviceId: ServiceId, from: z.string().nullable() },
        gains: z.boolean(),
      }),
    )
    .optional(),
  /** Facts known when the plan was made; steps add to them. */
  facts: z.record(z.string(), z.unknown()),
});
export type PlannedTarget = z.infer<typeof PlannedTarget>;

export const PlannedBatch = z.strictObject({
  batchId: z.string(),
  name: z.string(),
  beta: z.boolean(),
  /** A person confirms, `start`: before it begins; `traffic`: before its replaced targets get traffic. */
  gate: z.enum(["start", "traffic"]).nullable(),
  bakeMs: z.int(),
  targetIds: z.array(z.string()).min(1),
});
export type PlannedBatch = z.infer<typeof PlannedBatch>;

export const PlannedGroup = z.strictObject({
  groupId: z.string(),
  name: z.string(),
  after: z.array(z.string()),
  strategy: Strategy,
  batches: z.array(PlannedBatch),
});
export type PlannedGroup = z.infer<typeof PlannedGroup>;

export const Difference = z.strictObject({
  field: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** Of what, where a change is about several things: a service's name. */
  group: z.string().optional(),
});
export type Difference = z.infer<typeof Difference>;

/** An application that a change alters, and the bits that it brings; null = it brings none. */
export const PlannedApplication = z.strictObject({
  name: Name,
  /** What its service runs now; null = nothing to go back to. */
  fromRevisionId: RevisionId.nullable(),
  packageDigest: Digest.nullable(),
  buildpackDigest: Digest.nullable(),
});
export type PlannedApplication = z.infer<typeof PlannedApplication>;

/** The frozen document that preview, approval and execution read. */
export const Plan = z.strictObject({
  kind: z.string(),
  title: z.string(),
  /** What approval rules, windows and admission rules go by. */
  applications: z.array(PlannedApplication),
  /** Done once before the first batch, and once after the last. */
  opening: z.array(PlannedStep),
  closing: z.array(PlannedStep),
  groups: z.array(PlannedGroup),
  targets: z.array(PlannedTarget),
  locks: z.array(LockRequest),
  /** Versions of the resources that it was made from; compared at start. `label` is for people, and so is `shown`: the version as they know it. */
  basis: z.array(
    z.strictObject({ resource: z.string(), version: z.string(), label: z.string(), shown: z.string().optional() }),
  ),
  differences: z.array(Difference),
  /** What must exist before the change can be created, e.g. `package 1.4.2`; only in a dry run. */
  missing: z.array(z.string()),
  warnings: z.array(z.string()),
  /** Null = can be rolled back, else why not. */
  irreversible: z.string().nullable(),
  fromRevisionId: RevisionId.nullable(),
  toRevisionId: RevisionId.nullable(),
  configurationDigest: Digest.nullable(),
  /** From history; null as long as there is none. */
  expectedMs: z.int().nullable(),
  /** The same for what is done before the first batch, and for each batch by its id, its bake included. */
  expected: z.strictObject({ stagingMs: z.int().nullable(), batchesMs: z.record(z.string(), z.int()) }).optional(),
  /** The kind's own. */
  payload: z.unknown(),
});
export type Plan = z.infer<typeof Plan>;
