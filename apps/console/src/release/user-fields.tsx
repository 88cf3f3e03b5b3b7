import { Field, Segments } from "../kit/field.tsx";
import { Amount } from "../kit/inputs.tsx";
import { useWords } from "../locale/index.tsx";
import { type BlueGreenWish, FIRST_BLUE_GREEN } from "./wish.ts";

interface UserFieldsProps {
  readonly value: BlueGreenWish | null;
  readonly onChange: (value: BlueGreenWish | null) => void;
}

/** Whether users stay in their cell, or are switched to the idle one. */
export function UserFields({ value, onChange }: UserFieldsProps) {
  const { t } = useWords();
  return (
    <>
      <div className="field">
        <span className="label">{t("strategy.users")}</span>
        <Segments
          label={t("strategy.users")}
          value={value === null ? "stay" : "switch"}
          options={[
            { value: "stay", label: t("strategy.users.stay") },
            { value: "switch", label: t("strategy.users.switch") },
          ]}
          onChange={(chosen) => onChange(chosen === "stay" ? null : (value ?? FIRST_BLUE_GREEN))}
        />
      </div>
      {value !== null && <BlueGreenFields value={value} onChange={onChange} />}
    </>
  );
}

interface BlueGreenFieldsProps {
  readonly value: BlueGreenWish;
  readonly onChange: (value: BlueGreenWish) => void;
}

/** Who tries the idle cell, by which steps all users follow, and how long the way back is kept open. */
function BlueGreenFields({ value, onChange }: BlueGreenFieldsProps) {
  const { t } = useWords();
  const set = (news: Partial<BlueGreenWish>) => onChange({ ...value, ...news });
  return (
    <div className="release-fields">
      <Field label={t("strategy.trial.header")} hint={t("strategy.trial.header.hint")}>
        {(id) => (
          <input
            id={id}
            className="input mono"
            value={value.header}
            onChange={(event) => set({ header: event.target.value })}
          />
        )}
      </Field>
      <Amount
        label={t("strategy.trial.percent")}
        hint={t("strategy.trial.percent.hint")}
        value={value.percent}
        onChange={(percent) => set({ percent })}
      />
      <Field label={t("strategy.steps")} hint={t("strategy.steps.hint")}>
        {(id) => (
          <input
            id={id}
            className="input mono"
            value={value.steps}
            onChange={(event) => set({ steps: event.target.value })}
          />
        )}
      </Field>
      <Amount
        label={t("strategy.keep")}
        hint={t("strategy.keep.hint")}
        value={value.keepOldSeconds}
        onChange={(keepOldSeconds) => set({ keepOldSeconds })}
      />
    </div>
  );
}
