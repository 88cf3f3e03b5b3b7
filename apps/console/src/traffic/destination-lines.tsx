import { Button } from "../kit/button.tsx";
import { Field } from "../kit/field.tsx";
import { useWords } from "../locale/index.tsx";
import {
  type DestinationLine,
  destinationsOf,
  fallbackOf,
  keyText,
  PLACES,
  withDestinations,
  withFallback,
  withKey,
} from "./draft.ts";
import { Choice, type LineProps, Lines, type PartProps, Word } from "./line-fields.tsx";

/** Where the rule sends them; without any line it sends nobody. */
export function Destinations({ draft, onChange }: PartProps) {
  const { t } = useWords();
  const lines = destinationsOf(draft);
  const set = (next: readonly DestinationLine[]) => onChange(withDestinations(draft, next));
  const sum = lines.reduce((total, { percent }) => total + percent, 0);
  return (
    <fieldset className="rule-part">
      <legend>{t("rule.destination")}</legend>
      <Lines lines={lines} draw={Line} onChange={set} />
      <div className="row wrap">
        <Button
          small
          icon="plus"
          onClick={() =>
            set([...lines, { place: "all", value: "", percent: Math.max(0, 100 - sum), lane: "", more: {} }])
          }
        >
          {t("rule.destination.add")}
        </Button>
        {lines.length > 0 && (
          <span className={sum === 100 ? "faint number" : "number rule-wrong"}>{t("rule.sum", { sum })}</span>
        )}
      </div>
      {lines.length > 0 && (
        <div className="fields">
          <Key draft={draft} onChange={onChange} />
          <Field label={t("rule.fallback")}>
            {(id) => (
              <select
                id={id}
                className="input"
                value={fallbackOf(draft)}
                onChange={(event) => onChange(withFallback(draft, event.target.value))}
              >
                {(["all", "next", "refuse"] as const).map((each) => (
                  <option key={each} value={each}>
                    {t(`rule.fallback.${each}`)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
      )}
    </fieldset>
  );
}

function Line({ line, onEdit, onRemove }: LineProps<DestinationLine>) {
  const { t } = useWords();
  return (
    <div className="rule-line">
      <Word
        label={t("rule.percent")}
        value={String(line.percent)}
        narrow
        onChange={(value) => onEdit({ percent: Number(value) || 0 })}
      />
      <Choice
        label={t("rule.place")}
        value={line.place}
        options={PLACES}
        prefix="rule.place"
        onChange={(place) => onEdit({ place })}
      />
      {line.place !== "all" && (
        <Word label={t("rule.value")} value={line.value} onChange={(value) => onEdit({ value })} />
      )}
      <Word label={t("rule.lane")} value={line.lane} onChange={(lane) => onEdit({ lane })} />
      <Button small look="quiet" icon="close" aria-label={t("rule.destination.remove")} onClick={onRemove} />
    </div>
  );
}

function Key({ draft, onChange }: PartProps) {
  const { t } = useWords();
  return (
    <Field label={t("rule.key")} hint={t("rule.key.hint")}>
      {(id) => (
        <input
          id={id}
          className="input mono"
          placeholder="cookie uid, header x-user"
          defaultValue={keyText(draft)}
          onBlur={(event) => onChange(withKey(draft, event.target.value))}
        />
      )}
    </Field>
  );
}
