import { z } from "zod";
import { Name } from "./id.ts";
import { Condition, Percent } from "./traffic-rule.ts";

/** Who gets to the idle cell before anybody is switched to it. */
const Trial = z
  .strictObject({
    /** All of them must hold; who fits is sent there, whatever the share, until all users are. */
    match: z.array(Condition).max(20).default([]),
    /** A random sample: so much of the users. */
    percent: Percent.default(0),
  })
  .refine(({ match, percent }) => match.length > 0 || percent > 0, "tries nothing; name match or percent");

/** A release into the cell that no user is in; then users are switched to it by steps, and the other one is kept as it is for a while. */
export const BlueGreen = z
  .strictObject({
    /** The cell that is released to; `auto`: the one of two that has no weight. */
    idle: z.union([z.literal("auto"), Name]).default("auto"),
    trial: Trial.optional(),
    /** Percent of the users who are in the idle cell, growing; between them stand the bake, the confirmations and the guards of the strategy. */
    steps: z.array(Percent).min(1).max(20).default([10, 50, 100]),
    /** After the last step the change bakes for so long, watched by its guards: a rollback brings users back at once. */
    keepOldSeconds: z.int().min(0).max(86_400).default(600),
  })
  .refine(({ steps, trial }) => steps.every((step, index) => step > (steps[index - 1] ?? trial?.percent ?? 0)), {
    path: ["steps"],
    message: "must grow, from beyond the sample of the trial",
  })
  .refine(({ steps }) => steps.at(-1) === 100, { path: ["steps"], message: "must end with 100" });
export type BlueGreen = z.infer<typeof BlueGreen>;
