import type { Plan } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { RevisionId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { RollbackRequest, TouchedTarget } from "../change/index.ts";
import { rollbackStrategy } from "../slot/plan/index.ts";
import type { CellShare } from "./blue-green/index.ts";
import { reversed } from "./dependencies.ts";
import type { ReleasePayload } from "./plan.ts";
import { type Restore, withRevision } from "./restore.ts";
import type { ReleasedService } from "./service-plan.ts";

/** The exact inverse of an order: each touched target back to what ran there before, or to the chosen revision; services in the reverse of their order. */
export function inverseOfRelease(
  plan: Plan,
  touched: readonly TouchedTarget[],
  request: RollbackRequest,
): ReleaseOrderSpec | Refusal {
  const { workspace, alone, releases, weights } = plan.payload as ReleasePayload;
  const problem = problemOf(weights, request);
  if (problem !== null) return refuse("NO_INVERSE", { problem });
  const back = weightsBack(touched, weights ?? []);
  const [only] = releases;
  if (alone && only !== undefined) {
    const { after: _, ...release } = inverseOf(only, { plan, touched, request });
    return { workspace, ...withRevision(release, request.toRevision), ...back };
  }
  const touchedOnes = releases.filter(({ serviceId }) => touched.some(({ slot }) => slot === serviceId));
  const after = reversed(
    new Map(releases.map((release) => [release.service, release.after])),
    new Set(touchedOnes.map(({ service }) => service)),
  );
  return {
    workspace,
    releases: touchedOnes.map((release) => ({
      ...inverseOf(release, { plan, touched, request }),
      after: after.get(release.service) ?? [],
    })),
    ...back,
    ...(request.toRevision === null ? {} : { toRevision: request.toRevision }),
  };
}

function problemOf(weights: ReleasePayload["weights"], { toRevision }: RollbackRequest): string | null {
  if (weights === null) return say("inverse.users-brought-back");
  if (weights === undefined || toRevision === null) return null;
  return say("inverse.users-first");
}

/** Users that were not switched yet need not be brought back. */
const weightsBack = (touched: readonly TouchedTarget[], weights: readonly CellShare[]) =>
  touched.some(({ hostId }) => hostId === null) && weights.length > 0 ? { weights: [...weights] } : {};

interface Undoing {
  readonly plan: Plan;
  readonly touched: readonly TouchedTarget[];
  readonly request: RollbackRequest;
}

function inverseOf(released: ReleasedService, { plan, touched, request }: Undoing): Restore {
  const { application, service, serviceId, fromRevisionId, parallel } = released;
  const targets = touched.flatMap(({ slot, hostId, facts }) =>
    slot !== serviceId || hostId === null
      ? []
      : [{ hostId, revisionId: (facts.fromRevisionId ?? null) as RevisionId | null }],
  );
  return {
    application,
    service,
    restore: { ofChange: request.changeId, revisionId: fromRevisionId, targets },
    strategy: rollbackStrategy(originalOf(plan, released), request),
    // All at once has no zones.
    ...(parallel === null || request.speed === "fast" ? {} : { parallel }),
    after: [],
  };
}

/** The strategy that a service was released by. */
function originalOf(plan: Plan, { serviceId }: ReleasedService): Strategy {
  const slots = new Map(plan.targets.map(({ targetId, slot }) => [targetId, slot]));
  const group = plan.groups.find(({ batches }) => slots.get(batches[0]?.targetIds[0] ?? "") === serviceId);
  return group?.strategy ?? Strategy.parse({});
}
