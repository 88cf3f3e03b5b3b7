import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { SlotWorld } from "../slot/plan/index.ts";

/** A change that alters the service as a whole now. */
export interface UnderWay {
  readonly changeId: ChangeId;
  readonly plan: Plan;
  /** By host: the batch to which it would belong, and whether that has succeeded. */
  readonly places: ReadonlyMap<string, { readonly batch: string; readonly arrived: boolean }>;
}

export interface ScaleWorld extends SlotWorld {
  readonly underWay: UnderWay | null;
}
