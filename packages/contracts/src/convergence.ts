import { z } from "zod";
import { Name } from "./id.ts";

/** The kind of change by which a host that missed a change gets what its service runs now, and a base the modules that its cluster wants. */
export const CONVERGENCE = "convergence";

export const ConvergenceSpec = z.strictObject({
  workspace: Name.default("local"),
  service: Name,
  host: Name,
  /** What it has missed: the service's revision, or modules of the base that it is there. */
  of: z.enum(["revision", "modules"]).default("revision"),
});
export type ConvergenceSpec = z.infer<typeof ConvergenceSpec>;
