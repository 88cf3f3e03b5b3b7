import { z } from "zod";
import { Name } from "./id.ts";
import { Strategy } from "./strategy.ts";

/** The kind of change that gives a service more hosts, or takes some away. */
export const SCALE_ORDER = "scale-order";

const hosts = z.array(Name).max(10_000).default([]);

export const ScaleOrderSpec = z
  .strictObject({
    workspace: Name.default("local"),
    service: Name,
    add: hosts,
    remove: hosts,
    strategy: Strategy.prefault({}),
  })
  .refine(({ add, remove }) => add.length + remove.length > 0, "name hosts to add or to remove")
  .refine(({ add, remove }) => !add.some((host) => remove.includes(host)), "a host is to be added and removed");
export type ScaleOrderSpec = z.infer<typeof ScaleOrderSpec>;
