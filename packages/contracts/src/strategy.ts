import { z } from "zod";
import { Guard } from "./guard.ts";
import { Name } from "./id.ts";

/** How targets become batches: `count` = number of batches, `size` = targets per batch, `percent` = of all targets per batch, rounded up. */
export const Batching = z.union([
  z.enum(["each", "all"]),
  z.strictObject({ count: z.int().min(1) }),
  z.strictObject({ size: z.int().min(1) }),
  z.strictObject({ percent: z.number().gt(0).max(100) }),
  z.strictObject({ by: z.enum(["zone", "cell"]) }),
]);
export type Batching = z.infer<typeof Batching>;

const names = z.array(Name).min(1).max(10_000);

/** One criterion of the order in which targets come: what is listed comes first, as listed; the rest keeps its order. */
export const TargetOrder = z.union([
  z.strictObject({ zones: names }),
  z.strictObject({ cells: names }),
  z.strictObject({ hosts: names }),
  /** By the value of a label of the host; without `values` in the natural order of the values. */
  z.strictObject({ label: z.string().min(1).max(120), values: z.array(z.string()).min(1).optional() }),
]);
export type TargetOrder = z.infer<typeof TargetOrder>;

/** Batches by name, or by number from 1, as the plan shows them. */
const listedBatches = z
  .array(z.union([z.int().min(1), z.string().min(1).max(200)]))
  .min(1)
  .max(1000);

const percentage = z.string().regex(/^(\d{1,2}|100)%$/, 'a percentage from "0%" to "100%"');

export const Budget = z.strictObject({
  /** How many targets may fail before `action` is taken: a number, or a percentage of all. */
  failures: z.union([z.int().min(0), percentage]).default(0),
  action: z.enum(["stop", "continue", "rollback"]).default("stop"),
});
export type Budget = z.infer<typeof Budget>;

export const Strategy = z.strictObject({
  /** Only the targets of this zone; the others stay as they are. */
  zone: Name.optional(),
  /** The first criterion decides, the next one among equals. */
  order: z.array(TargetOrder).max(10).default([]),
  /** Targets of a first, small batch, so many or these; they are taken out of their later batch. */
  beta: z.union([z.int().min(0), names]).default(0),
  batches: Batching.default({ count: 1 }),
  /** Targets in one batch at most: a larger one becomes several. */
  cap: z.int().min(1).optional(),
  /** No batch takes more than this share of the targets of one cell; rounded down, at least one. */
  maxCellPercent: z.number().gt(0).max(100).optional(),
  /** So many targets fetch and unpack at once. */
  stageAtOnce: z.int().min(1).default(100),
  /** After every batch, the last included; paused time does not count. */
  bakeSeconds: z.number().min(0).max(86_400).default(0),
  /** Which batches a person confirms: `first` and `each` are told at `gate`; or listed ones. */
  confirm: z.union([z.enum(["none", "first", "each"]), listedBatches]).default("none"),
  /**
   * `start`: the confirmation stands before a batch; `first` = before the second, `each` = before all but the first.
   * `traffic`: it stands inside, before the replaced targets get traffic; `first` = in the first, `each` = in all.
   */
  gate: z.enum(["start", "traffic"]).default("start"),
  budget: Budget.prefault({}),
  /** An instance counts as healthy after it has been so for this long. */
  minimumHealthySeconds: z.number().min(0).max(600).default(1),
  /** What watches the batches; the first that finds them worse acts. */
  guards: z.array(Guard).max(20).default([]),
  /** An instance that is not healthy so long after its start has failed; instead of the service's `health.startSeconds`. */
  healthyDeadlineSeconds: z.number().min(1).max(3600).optional(),
  /** A change of which no target gets any further for this long fails; a bake, a pause and a confirmation do not count. */
  progressDeadlineSeconds: z.number().min(1).max(86_400).optional(),
});
export type Strategy = z.infer<typeof Strategy>;
