import type { SetScalingRule } from "@evenkeel/contracts/scaling-rule";
import { useWords } from "../locale/index.tsx";
import { bandOf } from "./draft.ts";

interface BandProps {
  readonly rule: Pick<SetScalingRule, "above" | "below">;
  /** As it was found last; null = nobody told. */
  readonly value: number | null;
}

/** Between the two marks nothing happens; the dot is what was measured. */
export function Band({ rule, value }: BandProps) {
  const { t, number } = useWords();
  const band = bandOf(rule, value);
  const { above, below } = rule;
  const found = value === null ? t("scaling.value.none") : number(value);
  const place = (share: number) => `${100 * share}%`;
  return (
    <span
      className="band"
      role="img"
      aria-label={t("scaling.band", { below: number(below), above: number(above), value: found })}
    >
      <span className="band-line">
        <span className="band-calm" style={{ left: place(band.below), right: place(1 - band.above) }} />
        {band.value !== null && (
          <span
            className={`band-dot tone-${value !== null && value > above ? "warn" : "good"}`}
            style={{ left: place(band.value) }}
          />
        )}
      </span>
      <span className="band-marks faint number" aria-hidden="true">
        <span style={{ left: place(band.below) }}>{number(below)}</span>
        <span style={{ left: place(band.above) }}>{number(above)}</span>
      </span>
    </span>
  );
}
