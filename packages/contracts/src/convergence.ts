import { z } from "zod";
import { Name } from "./id.ts";

/** The kind of change by which a host that missed a change gets what its service runs now. */
export const CONVERGENCE = "convergence";

export const ConvergenceSpec = z.strictObject({ workspace: Name.default("local"), service: Name, host: Name });
export type ConvergenceSpec = z.infer<typeof ConvergenceSpec>;
