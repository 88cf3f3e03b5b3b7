import type { Plan } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { RevisionId } from "@evenkeel/contracts/id";
import type { OperationOrderSpec } from "@evenkeel/contracts/operation-order";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import { rollbackStrategy } from "../slot/plan/index.ts";
import type { OperationPayload } from "./plan.ts";

/** Offline ↔ online on exactly the touched hosts; a restart has no inverse. */
export function inverseOfOperation(
  plan: Plan,
  touched: readonly TouchedTarget[],
  request: RollbackRequest,
): OperationOrderSpec | Refusal {
  const { workspace, service, operation } = plan.payload as OperationPayload;
  if (operation === "restart") return refuse("NO_INVERSE", { problem: String(plan.irreversible) });
  return {
    workspace,
    service,
    operation: operation === "offline" ? "online" : "offline",
    targets: touched.flatMap(({ hostId, facts }) =>
      hostId === null ? [] : [{ hostId, revisionId: (facts.fromRevisionId ?? null) as RevisionId | null }],
    ),
    strategy: rollbackStrategy(plan.groups[0]?.strategy ?? Strategy.parse({}), request),
  };
}
