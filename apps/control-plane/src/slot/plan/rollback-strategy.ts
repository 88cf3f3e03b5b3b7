import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest } from "../../change/index.ts";

/** `follow`: the batches of the change; `fast`: all at once, no bake, no confirmation. */
export function rollbackStrategy(original: Strategy, { speed, strategy }: RollbackRequest): Strategy {
  if (strategy !== null) return strategy;
  if (speed === "follow") return { ...original, budget: { failures: 0, action: "stop" } };
  return Strategy.parse({ batches: "all", minimumHealthySeconds: original.minimumHealthySeconds });
}
