import { Field, Segments } from "../kit/field.tsx";
import { Amount } from "../kit/inputs.tsx";
import { useWords } from "../locale/index.tsx";
import { GrayFields } from "./gray-fields.tsx";
import { type BlueGreenWish, FIRST_AB, FIRST_BLUE_GREEN, FIRST_GRAY, type StrategyWish } from "./wish.ts";

interface UserFieldsProps {
  readonly value: StrategyWish;
  readonly onChange: (news: Pick<StrategyWish, "gray" | "blueGreen">) => void;
}

const WAYS = ["stay", "gray", "ab", "switch"] as const;
type Way = (typeof WAYS)[number];

function wayOf({ gray, blueGreen }: StrategyWish): Way {
  if (blueGreen !== null) return "switch";
  if (gray === null) return "stay";
  return gray.stay ? "ab" : "gray";
}

/** Whether users go with the hosts, by shares, stay with two versions side by side, or are switched to the idle cell. */
export function UserFields({ value, onChange }: UserFieldsProps) {
  const { t } = useWords();
  const { gray, blueGreen } = value;
  const way = wayOf(value);
  const turn = (next: Way) => {
    if (next === way) return;
    onChange({
      gray: next === "gray" ? FIRST_GRAY : next === "ab" ? FIRST_AB : null,
      blueGreen: next === "switch" ? FIRST_BLUE_GREEN : null,
    });
  };
  return (
    <>
      <div className="field">
        <span className="label">{t("strategy.users")}</span>
        <Segments
          label={t("strategy.users")}
          value={way}
          options={WAYS.map((each) => ({ value: each, label: t(`strategy.users.${each}`) }))}
          onChange={turn}
        />
        <span className="hint">{t(`strategy.users.${way}.hint`)}</span>
      </div>
      {gray !== null && <GrayFields value={gray} onChange={(next) => onChange({ gray: next, blueGreen: null })} />}
      {blueGreen !== null && (
        <BlueGreenFields value={blueGreen} onChange={(next) => onChange({ gray: null, blueGreen: next })} />
      )}
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
