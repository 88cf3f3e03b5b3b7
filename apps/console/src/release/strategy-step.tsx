import { Field, Segments } from "../kit/field.tsx";
import { Amount } from "../kit/inputs.tsx";
import { useWords } from "../locale/index.tsx";
import type { StrategyWish } from "./wish.ts";

interface StrategyStepProps {
  readonly value: StrategyWish;
  readonly onChange: (value: StrategyWish) => void;
}

const SPLITS = ["all", "each", "count", "size", "percent", "zone", "cell"] as const;
const COUNTED: readonly StrategyWish["split"][] = ["count", "size", "percent"];

/** In which batches, how closely watched, and what happens when something fails. */
export function StrategyStep({ value, onChange }: StrategyStepProps) {
  const { t } = useWords();
  const set = (news: Partial<StrategyWish>) => onChange({ ...value, ...news });
  const segments = <Name extends "confirm" | "gate" | "action">(name: Name, options: readonly StrategyWish[Name][]) => (
    <div className="field">
      <span className="label">{t(`strategy.${name}`)}</span>
      <Segments
        label={t(`strategy.${name}`)}
        value={value[name] as string}
        options={options.map((option) => ({
          value: option,
          label: t(`strategy.${name}.${option}` as "strategy.confirm.none"),
        }))}
        onChange={(chosen) => set({ [name]: chosen })}
      />
    </div>
  );
  return (
    <div className="stack">
      <div className="release-fields">
        <Field label={t("strategy.split")}>
          {(id) => (
            <select
              id={id}
              className="input"
              value={value.split}
              onChange={(event) => set({ split: SPLITS.find((split) => split === event.target.value) ?? "all" })}
            >
              {SPLITS.map((split) => (
                <option key={split} value={split}>
                  {t(`strategy.split.${split}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        {COUNTED.includes(value.split) && (
          <Amount label={t("strategy.amount")} value={value.amount} least={1} onChange={(amount) => set({ amount })} />
        )}
        <Amount
          label={t("strategy.beta")}
          hint={t("strategy.beta.hint")}
          value={value.beta}
          onChange={(beta) => set({ beta })}
        />
        <Amount
          label={t("strategy.bake")}
          hint={t("strategy.bake.hint")}
          value={value.bakeSeconds}
          onChange={(bakeSeconds) => set({ bakeSeconds })}
        />
        <Amount label={t("strategy.failures")} value={value.failures} onChange={(failures) => set({ failures })} />
      </div>
      {segments("confirm", ["none", "first", "each"])}
      {value.confirm !== "none" && value.blueGreen === null && segments("gate", ["start", "traffic"])}
      {segments("action", ["stop", "continue", "rollback"])}
    </div>
  );
}
