import { z } from "zod";
import { Guard } from "./guard.ts";

/** How targets become batches: `count` = number of batches, `size` = targets per batch, `percent` = of all targets per batch, rounded up. */
export const Batching = z.union([
  z.enum(["each", "all"]),
  z.strictObject({ count: z.int().min(1) }),
  z.strictObject({ size: z.int().min(1) }),
  z.strictObject({ percent: z.number().gt(0).max(100) }),
  z.strictObject({ by: z.enum(["zone", "cell"]) }),
]);
export type Batching = z.infer<typeof Batching>;

export const Budget = z.strictObject({
  /** How many targets may fail before `action` is taken: a number, or a percentage of all. */
  failures: z.union([z.int().min(0), z.string().regex(/^\d{1,3}%$/)]).default(0),
  action: z.enum(["stop", "continue", "rollback"]).default("stop"),
});
export type Budget = z.infer<typeof Budget>;

export const Strategy = z.strictObject({
  /** Targets of a first, small batch; they are taken out of their later batch. */
  beta: z.int().min(0).default(0),
  batches: Batching.default({ count: 1 }),
  /** After every batch, the last included; paused time does not count. */
  bakeSeconds: z.number().min(0).max(86_400).default(0),
  /** A confirmation stands before a batch: `first` = before the second, `each` = before all but the first. */
  confirm: z.enum(["none", "first", "each"]).default("none"),
  budget: Budget.prefault({}),
  /** An instance counts as healthy after it has been so for this long. */
  minimumHealthySeconds: z.number().min(0).max(600).default(1),
  /** What watches the batches; the first that finds them worse acts. */
  guards: z.array(Guard).max(20).default([]),
});
export type Strategy = z.infer<typeof Strategy>;
