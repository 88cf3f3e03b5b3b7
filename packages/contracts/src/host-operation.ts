import { z } from "zod";
import { Name } from "./id.ts";
import { HostSelector } from "./service.ts";
import { Strategy } from "./strategy.ts";

/** What is done to hosts themselves. `probe`: each agent journals a command and reports it back, and nothing else happens. */
export const HostOperationSpec = z.strictObject({
  workspace: Name.default("local"),
  operation: z.enum(["probe"]),
  hosts: HostSelector.default("all"),
  strategy: Strategy.prefault({}),
});
export type HostOperationSpec = z.infer<typeof HostOperationSpec>;
