import type { traffic as en } from "../en/traffic.ts";

export const traffic = {
  "kind.route-change": "流量变更",
} as const satisfies Record<keyof typeof en, string>;
