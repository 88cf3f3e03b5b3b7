import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ScaleOrderSpec } from "@evenkeel/contracts/scale-order";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import { rollbackStrategy } from "../slot/plan/index.ts";
import type { ScalePayload } from "./plan.ts";

/** The opposite, with exactly the touched hosts. */
export function inverseOfScale(
  plan: Plan,
  touched: readonly TouchedTarget[],
  request: RollbackRequest,
): ScaleOrderSpec {
  const names = (isAdded: boolean) => touched.filter(({ to }) => (to !== null) === isAdded).map(({ name }) => name);
  return {
    ...(plan.payload as ScalePayload),
    add: names(false),
    remove: names(true),
    strategy: rollbackStrategy(plan.groups[0]?.strategy ?? Strategy.parse({}), request),
  };
}
