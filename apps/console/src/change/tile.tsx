import type { TargetView } from "@evenkeel/contracts/change";
import { memo } from "react";
import { Icon } from "../kit/icon.tsx";
import { useWords } from "../locale/index.tsx";
import { TARGET_TONES } from "./looks.tsx";

/** How much room there is for a host: with hundreds of them a name, with thousands a dot. */
export type Density = "roomy" | "compact" | "dense";

export interface TileProps {
  readonly target: TargetView;
  readonly density: Density;
  readonly selected: boolean;
  /** The one that Tab reaches; the arrow keys go on from there. */
  readonly reachable: boolean;
  readonly onOpen: (targetId: string) => void;
}

/** One target of a change, moving through its steps. */
export const Tile = memo(function Tile({ target, density, selected, reachable, onOpen }: TileProps) {
  const { t, said, step: stepName } = useWords();
  const { targetId, hostId, state } = target;
  // What moves traffic has a name of the platform's.
  const name = hostId === null ? said(target.name, "group") : target.name;
  const current = currentStep(target);
  const step = current === null ? null : stepName(current);
  const stands = [t(`target.${state}`), ...(step === null ? [] : [step])].join(", ");
  const label = t("common.pair", { name, value: stands });
  return (
    <button
      type="button"
      className={`tile ${density} tone-${TARGET_TONES[state]}`}
      data-target={targetId}
      data-state={state}
      aria-label={density === "dense" ? label : undefined}
      aria-expanded={selected}
      title={density === "roomy" ? undefined : label}
      tabIndex={reachable ? 0 : -1}
      onClick={() => onOpen(targetId)}
    >
      {density !== "dense" && (
        <span className="tile-name cut">
          {target.hostId === null && <Icon name="route" size={14} />}
          {name}
        </span>
      )}
      {density !== "dense" && step !== null && <span className="hidden-text">{t(`target.${state}`)}</span>}
      {density === "compact" && <span className="hidden-text">{t(`target.${state}`)}</span>}
      {density === "roomy" && (
        <>
          <span className="tile-step cut">{step ?? t(`target.${state}`)}</span>
          <Steps target={target} />
        </>
      )}
    </button>
  );
});

/** What it does now, or where it stopped. */
function currentStep({ steps, state }: TargetView): string | null {
  if (state === "succeeded" || state === "pending") return null;
  const now = steps.find((step) => step.state === "running" || step.state === "dispatched");
  const stopped = steps.findLast((step) => step.outcome !== null && step.outcome.kind !== "succeeded");
  return (now ?? stopped)?.name ?? null;
}

function Steps({ target: { steps, state } }: { readonly target: TargetView }) {
  const shown = steps.filter(({ phase }) => phase === "run" || phase === "stage");
  const done = shown.filter((step) => step.state === "succeeded").length;
  const share = state === "succeeded" ? 1 : shown.length === 0 ? 0 : done / shown.length;
  return (
    <span className="tile-steps" aria-hidden="true">
      <span style={{ transform: `scaleX(${share})` }} />
    </span>
  );
}
