import { createRequire } from "node:module";
import { type Base, createBase, shareLibraries } from "@evenkeel/base";

/** The base that all four servers beside this file put before their own routes. */
export const startBase = (): Promise<Base> =>
  createBase({
    name: "shop",
    version: "1.0.0",
    libraries: shareLibraries(createRequire(import.meta.url), ["koa"]),
    services: { clock: { version: "1.0.0", service: { now: () => new Date().toISOString() } } },
    snippets: ["greeting"],
    processes: { checkout: ["price", { point: "discount", optional: true }, "tax"] },
  });
