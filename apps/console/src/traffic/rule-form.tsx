import { Field } from "../kit/field.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { Choose } from "../module/fields.tsx";
import { Conditions } from "./condition-lines.tsx";
import { Destinations } from "./destination-lines.tsx";
import { type Draft, numberIn, withNumber } from "./draft.ts";

interface RuleFormProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  /** Name and service are those of a rule that is there already. */
  readonly fixed: boolean;
}

/** Whom the rule is for and where it sends them; what the form has no field for stays as it is. */
export function RuleForm({ draft, onChange, fixed }: RuleFormProps) {
  const { t } = useWords();
  const { standing } = useWorkspace();
  return (
    <div className="stack">
      <div className="fields">
        <Field label={t("common.name")}>
          {(id) => (
            <input
              id={id}
              className="input"
              readOnly={fixed}
              value={String(draft.name ?? "")}
              onChange={(event) => onChange({ ...draft, name: event.target.value })}
            />
          )}
        </Field>
        <Choose
          label={t("chart.service")}
          value={String(draft.service ?? "")}
          options={standing?.services.map(({ name }) => name) ?? []}
          onChange={(service) => onChange({ ...draft, service })}
        />
        <Amount draft={draft} path={["priority"]} label={t("rule.priority")} onChange={onChange} />
      </div>
      <Conditions draft={draft} onChange={onChange} />
      <Destinations draft={draft} onChange={onChange} />
      <details className="rule-more">
        <summary>{t("rule.more")}</summary>
        <div className="fields">
          <Amount draft={draft} path={["rateLimit", "requests"]} label={t("rule.more.rate")} onChange={onChange} />
          <Amount
            draft={draft}
            path={["concurrency", "requests"]}
            label={t("rule.more.concurrency")}
            onChange={onChange}
          />
          <Amount draft={draft} path={["fault", "delay", "ms"]} label={t("rule.more.delay")} onChange={onChange} />
        </div>
      </details>
      <Field label={t("common.reason")}>
        {(id) => (
          <input
            id={id}
            className="input"
            value={String(draft.reason ?? "")}
            onChange={(event) => onChange({ ...draft, reason: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}

interface AmountProps {
  readonly draft: Draft;
  readonly path: readonly string[];
  readonly label: string;
  readonly onChange: (draft: Draft) => void;
}

function Amount({ draft, path, label, onChange }: AmountProps) {
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          className="input number"
          type="number"
          min={0}
          value={numberIn(draft, path) ?? ""}
          onChange={({ target: { valueAsNumber: value } }) =>
            onChange(withNumber(draft, path, Number.isNaN(value) ? null : value))
          }
        />
      )}
    </Field>
  );
}
