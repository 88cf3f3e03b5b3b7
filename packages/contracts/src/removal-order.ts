import { z } from "zod";
import { Name } from "./id.ts";
import { Strategy } from "./strategy.ts";

/** The kind of change that takes a service away: its instances, routes, revisions and parameters. */
export const REMOVAL_ORDER = "removal-order";

export const RemovalOrderSpec = z.strictObject({
  workspace: Name.default("local"),
  service: Name,
  strategy: Strategy.prefault({}),
});
export type RemovalOrderSpec = z.infer<typeof RemovalOrderSpec>;
