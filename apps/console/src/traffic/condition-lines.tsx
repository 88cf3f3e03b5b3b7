import { Button } from "../kit/button.tsx";
import { useWords } from "../locale/index.tsx";
import { type ConditionLine, conditionsOf, FIRST_CONDITION, isNamed, TESTS, WHERES, withConditions } from "./draft.ts";
import { Choice, type LineProps, Lines, type PartProps, Word } from "./line-fields.tsx";

interface ConditionsProps extends PartProps {
  readonly legend?: string;
  /** What it means that there is none. */
  readonly everybody?: string;
}

/** Whom the rule is for. */
export function Conditions({ draft, onChange, legend, everybody }: ConditionsProps) {
  const { t } = useWords();
  const lines = conditionsOf(draft);
  const set = (next: readonly ConditionLine[]) => onChange(withConditions(draft, next));
  return (
    <fieldset className="rule-part">
      <legend>{legend ?? t("rule.whom")}</legend>
      {lines.length === 0 && <p className="soft">{everybody ?? t("rule.everybody.hint")}</p>}
      <Lines lines={lines} draw={Line} onChange={set} />
      <div>
        <Button small icon="plus" onClick={() => set([...lines, FIRST_CONDITION])}>
          {t("rule.condition.add")}
        </Button>
      </div>
    </fieldset>
  );
}

function Line({ line, onEdit, onRemove }: LineProps<ConditionLine>) {
  const { t } = useWords();
  return (
    <div className="rule-line">
      <Choice
        label={t("rule.where")}
        value={line.where}
        options={WHERES}
        prefix="rule.where"
        onChange={(where) => onEdit({ where })}
      />
      {isNamed(line.where) && (
        <Word
          label={t("rule.where.name")}
          value={line.name}
          placeholder="x-user"
          onChange={(name) => onEdit({ name })}
        />
      )}
      <Choice
        label={t("rule.test")}
        value={line.test}
        options={TESTS}
        prefix="rule.test"
        onChange={(test) => onEdit({ test })}
      />
      {line.test !== "present" && (
        <Word
          label={t("rule.value")}
          value={line.value}
          placeholder={line.test === "in" ? "ann, ben" : ""}
          onChange={(value) => onEdit({ value })}
        />
      )}
      <label className="row tight">
        <input type="checkbox" checked={line.not} onChange={(event) => onEdit({ not: event.target.checked })} />
        {t("rule.not")}
      </label>
      <Button small look="quiet" icon="close" aria-label={t("rule.condition.remove")} onClick={onRemove} />
    </div>
  );
}
