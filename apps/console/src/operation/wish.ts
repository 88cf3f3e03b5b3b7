import { OperationOrderSpec } from "@evenkeel/contracts/operation-order";
import { ScaleOrderSpec } from "@evenkeel/contracts/scale-order";
import type { Service } from "@evenkeel/contracts/service";
import { FIRST_STRATEGY as OF_A_RELEASE, type StrategyWish, strategyOf } from "../release/wish.ts";

export const OPERATIONS = ["restart", "offline", "online", "scale"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What a person has chosen so far. */
export interface OperationWish {
  /** None = wherever it applies; to scale: those that come and those that go. */
  readonly hosts: readonly string[];
  readonly strategy: StrategyWish;
}

export const FIRST_STRATEGY: StrategyWish = { ...OF_A_RELEASE, beta: 0, bakeSeconds: 0, action: "stop" };

interface Of {
  readonly service: Pick<Service, "name" | "workspace">;
  readonly operation: Operation;
  /** Names of the hosts on which it stands. */
  readonly standing: ReadonlySet<string>;
}

/** The order that was wished for; null = something is missing or cannot be. */
export function orderOf(
  { service: { name: service, workspace }, operation, standing }: Of,
  { hosts, strategy }: OperationWish,
): OperationOrderSpec | ScaleOrderSpec | null {
  try {
    const common = { workspace, service, strategy: strategyOf(strategy) };
    if (operation !== "scale") {
      return OperationOrderSpec.parse({ ...common, operation, ...(hosts.length > 0 && { hosts }) });
    }
    const add = hosts.filter((host) => !standing.has(host));
    const remove = hosts.filter((host) => standing.has(host));
    return ScaleOrderSpec.parse({ ...common, add, remove });
  } catch {
    return null;
  }
}
