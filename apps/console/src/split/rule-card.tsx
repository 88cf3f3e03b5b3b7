import type { SplitRule, SplitTarget } from "@evenkeel/contracts/module";
import { Button } from "../kit/button.tsx";
import { Card } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { tagsOf, tagText } from "../module/fields.tsx";
import { Choice, type LineProps, Lines, Word } from "../traffic/line-fields.tsx";
import { freeWhen, KINDS, STICKIES, type Sticky, WHENS, type WhenLine, whensOf, withWhens } from "./draft.ts";

interface RuleCardProps {
  readonly rule: SplitRule;
  readonly place: number;
  readonly onChange: (rule: SplitRule) => void;
  readonly onRemove: () => void;
  /** Null where it is the first: what stands above it decides before it. */
  readonly onUp: (() => void) | null;
}

/** One splitting rule: what it is about, for whom, and who gets it. */
export function RuleCard({ rule, place, onChange, onRemove, onUp }: RuleCardProps) {
  const { t } = useWords();
  const name = t("split.rule", { number: place });
  return (
    <Card
      label={name}
      title={name}
      aside={
        <span className="row tight">
          {onUp !== null && (
            <Button small look="quiet" onClick={onUp}>
              {t("split.up")}
            </Button>
          )}
          <Button small look="quiet" icon="close" aria-label={t("split.remove")} onClick={onRemove} />
        </span>
      }
    >
      <div className="stack">
        <fieldset className="rule-part">
          <legend>{t("split.on")}</legend>
          <div className="rule-line">
            <Choice
              label={t("split.kind")}
              value={rule.on.kind}
              options={KINDS}
              prefix="module.kind"
              onChange={(kind) => onChange({ ...rule, on: { ...rule.on, kind } })}
            />
            <Word
              label={t("split.on.name")}
              value={rule.on.name}
              placeholder={rule.on.kind === "route" ? "/prices" : "pricing"}
              onChange={(text) => onChange({ ...rule, on: { ...rule.on, name: text } })}
            />
          </div>
        </fieldset>
        <Whens rule={rule} onChange={onChange} />
        <Targets rule={rule} onChange={onChange} />
        <Stickiness rule={rule} onChange={onChange} />
      </div>
    </Card>
  );
}

type PartProps = Pick<RuleCardProps, "rule" | "onChange">;

function Whens({ rule, onChange }: PartProps) {
  const { t } = useWords();
  const lines = whensOf(rule);
  const free = freeWhen(lines);
  const set = (next: readonly WhenLine[]) => onChange(withWhens(rule, next));
  return (
    <fieldset className="rule-part">
      <legend>{t("split.when")}</legend>
      {lines.length === 0 && <p className="soft">{t("split.when.hint")}</p>}
      <Lines lines={lines} draw={WhenFields} onChange={set} />
      {free !== null && (
        <div>
          <Button small icon="plus" onClick={() => set([...lines, { when: free, name: "", equals: "" }])}>
            {t("rule.condition.add")}
          </Button>
        </div>
      )}
    </fieldset>
  );
}

function WhenFields({ line, onEdit, onRemove }: LineProps<WhenLine>) {
  const { t } = useWords();
  return (
    <div className="rule-line">
      <Choice
        label={t("rule.where")}
        value={line.when}
        options={WHENS}
        prefix="split.when"
        onChange={(when) => onEdit({ when })}
      />
      {line.when !== "caller" && (
        <Word label={t(`split.name.${line.when}`)} value={line.name} onChange={(name) => onEdit({ name })} />
      )}
      <Word label={t("rule.value")} value={line.equals} onChange={(equals) => onEdit({ equals })} />
      <Button small look="quiet" icon="close" aria-label={t("rule.condition.remove")} onClick={onRemove} />
    </div>
  );
}

function Targets({ rule, onChange }: PartProps) {
  const { t } = useWords();
  const set = (to: readonly SplitTarget[]) => onChange({ ...rule, to: [...to] });
  return (
    <fieldset className="rule-part">
      <legend>{t("split.to")}</legend>
      <Lines lines={rule.to} draw={TargetFields} onChange={set} />
      <div>
        <Button small icon="plus" onClick={() => set([...rule.to, { tags: {}, weight: 10 }])}>
          {t("rule.destination.add")}
        </Button>
      </div>
    </fieldset>
  );
}

function TargetFields({ line: { version = "", tags, weight }, onEdit, onRemove }: LineProps<SplitTarget>) {
  const { t } = useWords();
  return (
    <div className="rule-line">
      <Word
        narrow
        label={t("split.weight")}
        value={String(weight)}
        onChange={(text) => onEdit({ weight: Math.max(0, Number(text) || 0) })}
      />
      <Word label={t("common.version")} value={version} onChange={(text) => onEdit({ version: text || undefined })} />
      <Word label={t("module.tags")} value={tagText(tags)} onChange={(text) => onEdit({ tags: tagsOf(text) })} />
      <Button small look="quiet" icon="close" aria-label={t("rule.destination.remove")} onClick={onRemove} />
    </div>
  );
}

/** Whether the same caller always meets the same version. */
function Stickiness({ rule, onChange }: PartProps) {
  const { t } = useWords();
  const { stickyBy: now = "none", stickyOn } = rule;
  const named = now === "header" || now === "query" || now === "body";
  const turn = (sticky: Sticky) => {
    const { stickyBy: _, ...rest } = rule;
    onChange(sticky === "none" ? { ...rest, stickyOn: "" } : { ...rest, stickyBy: sticky });
  };
  return (
    <fieldset className="rule-part">
      <legend>{t("split.sticky")}</legend>
      <div className="rule-line">
        <Choice label={t("split.sticky")} value={now} options={STICKIES} prefix="split.sticky" onChange={turn} />
        {named && (
          <Word
            label={t(`split.name.${now}`)}
            value={stickyOn}
            onChange={(text) => onChange({ ...rule, stickyOn: text })}
          />
        )}
      </div>
    </fieldset>
  );
}
