import type { BaseClusterId, BaseId } from "@evenkeel/contracts/id";
import { assignBase, putPlacements, putSplit } from "../base-cluster/index.ts";
import type { ControlStep } from "../change/index.ts";
import type { SettledCluster } from "./plan/index.ts";

/** The modules stand as they were planned: it is what the clusters want from now on. */
const settlePlacements: ControlStep = {
  type: "settle-placements",
  async run(input, { tx, tenantId }) {
    for (const { clusterId, placements, rules, businesses } of input.clusters as readonly SettledCluster[]) {
      await putPlacements(tx, { tenantId, clusterId, placements });
      if (rules !== null || businesses !== null) await putSplit(tx, { clusterId, rules, businesses });
    }
    return {};
  },
  observe: async () => ({ kind: "done" }),
};

interface Assignment {
  readonly baseId: BaseId;
  readonly clusterId: BaseClusterId | null;
  readonly cameFrom: BaseClusterId | null;
}

/** The base, empty now, is another cluster's. */
const assign: ControlStep = {
  type: "assign-base",
  async run(input, { tx }) {
    await assignBase(tx, input as unknown as Assignment);
    return {};
  },
  observe: async () => ({ kind: "done" }),
};

/** How clusters learn what they hold. */
export const placementSteps: readonly ControlStep[] = [settlePlacements, assign];
