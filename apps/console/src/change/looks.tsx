import type { BatchState, ChangeState, StepState, TargetState } from "@evenkeel/contracts/change-state";
import { Badge, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";

export const CHANGE_TONES: Readonly<Record<ChangeState, Tone>> = {
  planned: "idle",
  "awaiting-approval": "warn",
  scheduled: "idle",
  running: "busy",
  "awaiting-confirmation": "warn",
  pausing: "busy",
  paused: "warn",
  failed: "bad",
  cancelling: "busy",
  "rolling-back": "busy",
  succeeded: "good",
  cancelled: "idle",
  "rolled-back": "warn",
  closed: "idle",
  expired: "idle",
};

export const BATCH_TONES: Readonly<Record<BatchState, Tone>> = {
  pending: "idle",
  "awaiting-confirmation": "warn",
  running: "busy",
  baking: "busy",
  succeeded: "good",
  failed: "bad",
  ended: "idle",
};

export const TARGET_TONES: Readonly<Record<TargetState, Tone>> = {
  pending: "idle",
  staging: "busy",
  staged: "idle",
  running: "busy",
  succeeded: "good",
  failed: "bad",
  skipped: "idle",
  offline: "warn",
  interrupted: "bad",
  unknown: "warn",
  reverted: "idle",
};

export const STEP_TONES: Readonly<Record<StepState, Tone>> = {
  pending: "idle",
  dispatched: "busy",
  running: "busy",
  succeeded: "good",
  failed: "bad",
  "timed-out": "bad",
  interrupted: "bad",
  unknown: "warn",
  skipped: "idle",
  revoked: "idle",
};

export function ChangeBadge({ state }: { readonly state: ChangeState }) {
  const { t } = useWords();
  return <Badge tone={CHANGE_TONES[state]}>{t(`change.${state}`)}</Badge>;
}
