import { Segments } from "../kit/field.tsx";
import { Amount } from "../kit/inputs.tsx";
import { useWords } from "../locale/index.tsx";

/** How careful a change goes; the small part of a strategy that every dialog asks for. */
export interface Pace {
  readonly batches: "all" | "each";
  readonly bakeSeconds: number;
  readonly confirm: "none" | "first" | "each";
}

export const AT_ONCE: Pace = { batches: "all", bakeSeconds: 0, confirm: "none" };

interface PaceFieldsProps {
  readonly value: Pace;
  readonly onChange: (value: Pace) => void;
  /** What the targets are is said elsewhere: steps of traffic go one by one in any case. */
  readonly steps?: boolean;
}

export function PaceFields({ value, onChange, steps = false }: PaceFieldsProps) {
  const { t } = useWords();
  const set = (news: Partial<Pace>) => onChange({ ...value, ...news });
  return (
    <div className="pace">
      {!steps && (
        <div className="field">
          <span className="label">{t("strategy.split")}</span>
          <Segments
            label={t("strategy.split")}
            value={value.batches}
            options={(["all", "each"] as const).map((each) => ({ value: each, label: t(`strategy.split.${each}`) }))}
            onChange={(batches) => set({ batches })}
          />
        </div>
      )}
      <Amount label={t("strategy.bake")} value={value.bakeSeconds} onChange={(bakeSeconds) => set({ bakeSeconds })} />
      <div className="field">
        <span className="label">{t("strategy.confirm")}</span>
        <Segments
          label={t("strategy.confirm")}
          value={value.confirm}
          options={(["none", "first", "each"] as const).map((each) => ({
            value: each,
            label: t(`strategy.confirm.${each}`),
          }))}
          onChange={(confirm) => set({ confirm })}
        />
      </div>
    </div>
  );
}
