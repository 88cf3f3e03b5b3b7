import { Name } from "@evenkeel/contracts/id";
import type { ScalingRule } from "@evenkeel/contracts/scaling-rule";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field } from "../kit/field.tsx";
import { Amount, Text } from "../kit/inputs.tsx";
import { onlyNew } from "../kit/only-new.ts";
import { ErrorNotice } from "../kit/problem.tsx";
import { useWords } from "../locale/index.tsx";
import { Check, Choose } from "../module/fields.tsx";
import { useHosting } from "../module/read.ts";
import { moduleNames } from "../module/standing.ts";
import { Band } from "./band.tsx";
import { draftOfRule, FIRST_SCALING, METRICS, ruleOf, type ScalingDraft } from "./draft.ts";

interface RuleDialogProps {
  readonly workspace: string;
  /** Null = a new one. */
  readonly known: ScalingRule | null;
  readonly onClose: () => void;
}

interface PartProps {
  readonly draft: ScalingDraft;
  readonly onChange: (news: Partial<ScalingDraft>) => void;
}

/** A rule that gives a module more bases, or fewer, with nobody asked. */
export function ScalingRuleDialog({ workspace, known, onClose }: RuleDialogProps) {
  const { t, named } = useWords();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(known === null ? FIRST_SCALING : draftOfRule(known));
  const change = (news: Partial<ScalingDraft>) => setDraft((now) => ({ ...now, ...news }));
  const body = ruleOf(workspace, draft);
  const name = Name.safeParse(draft.name).data;
  const set = useMutation({
    mutationFn: async () => {
      if (body === null || name === undefined) return;
      const params = { rule: name };
      if (known === null) await onlyNew(`scaling rule ${name}`, () => client.getScalingRule({ params }));
      await client.setScalingRule({ params, body });
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["list", `scaling rules of ${workspace}`] });
      onClose();
    },
  });
  const { module, metric, above, below, stabilisationSeconds: seconds, step, minBases, maxBases } = draft;
  const facts = { module: module || "…", metric: named("scaling.metric", metric), seconds, step, minBases, maxBases };
  return (
    <Dialog
      className="wide"
      title={known === null ? t("scaling.new") : t("scaling.edit.of", { name: known.name })}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button
            look="primary"
            disabled={body === null || name === undefined || set.isPending}
            onClick={() => set.mutate()}
          >
            {t("scaling.set")}
          </Button>
        </>
      }
    >
      {set.isError && <ErrorNotice error={set.error} />}
      <Whom workspace={workspace} draft={draft} onChange={change} fixed={known !== null} />
      <Thresholds draft={draft} onChange={change} />
      <div className="scaling-says">
        <Band rule={{ above, below }} value={known?.verdict?.value ?? null} />
        <p>{t("scaling.says", { ...facts, above, below })}</p>
      </div>
      <Pace workspace={workspace} draft={draft} onChange={change} />
      <Check
        checked={draft.enabled}
        onChange={(enabled) => change({ enabled })}
        label={t("scaling.enabled")}
        hint={t("scaling.enabled.hint")}
      />
    </Dialog>
  );
}

/** Which module where; those that stand somewhere can be chosen. */
function Whom({ workspace, draft, onChange, fixed }: PartProps & { workspace: string; fixed: boolean }) {
  const { t } = useWords();
  const hosting = useHosting(workspace).data ?? { bases: [], clusters: [] };
  const clusters = hosting.clusters.filter(({ buffer }) => !buffer).map(({ name }) => name as string);
  return (
    <div className="fields">
      {!fixed && (
        <Text
          look="mono"
          label={t("common.name")}
          hint={t("release.new.hint")}
          placeholder="prices-load"
          value={draft.name}
          onChange={(name) => onChange({ name })}
        />
      )}
      <Choose
        label={t("module.cluster")}
        value={draft.cluster}
        options={clusters}
        onChange={(cluster) => onChange({ cluster })}
      />
      <Choose
        label={t("scaling.module")}
        value={draft.module}
        options={moduleNames([], hosting)}
        onChange={(module) => onChange({ module })}
      />
    </div>
  );
}

function Thresholds({ draft, onChange }: PartProps) {
  const { t } = useWords();
  const { metric, above, below, minBases, maxBases } = draft;
  return (
    <div className="fields">
      <Field label={t("scaling.metric")}>
        {(id) => (
          <select
            id={id}
            className="input"
            value={metric}
            onChange={({ target }) => onChange({ metric: METRICS.find((each) => each === target.value) ?? metric })}
          >
            {METRICS.map((each) => (
              <option key={each} value={each}>
                {t(`scaling.metric.${each}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Amount label={t("scaling.above")} value={above} onChange={(next) => onChange({ above: next })} />
      <Amount
        label={t("scaling.below")}
        {...(below >= above ? { hint: t("scaling.below.wrong") } : {})}
        value={below}
        onChange={(next) => onChange({ below: next })}
      />
      <Amount least={1} label={t("scaling.min")} value={minBases} onChange={(next) => onChange({ minBases: next })} />
      <Amount
        least={1}
        label={t("scaling.max")}
        {...(minBases > maxBases ? { hint: t("scaling.max.wrong") } : {})}
        value={maxBases}
        onChange={(next) => onChange({ maxBases: next })}
      />
    </div>
  );
}

function Pace({ workspace, draft, onChange }: PartProps & { readonly workspace: string }) {
  const { t } = useWords();
  const clusters = useHosting(workspace).data?.clusters ?? [];
  const buffers = clusters.filter(({ buffer }) => buffer).map(({ name }) => name as string);
  const { step, stabilisationSeconds, cooldownSeconds, buffer } = draft;
  return (
    <details className="rule-more">
      <summary>{t("scaling.more")}</summary>
      <div className="fields">
        <Amount least={1} label={t("scaling.step")} value={step} onChange={(next) => onChange({ step: next })} />
        <Amount
          label={t("scaling.stabilisation")}
          hint={t("scaling.stabilisation.hint")}
          value={stabilisationSeconds}
          onChange={(next) => onChange({ stabilisationSeconds: next })}
        />
        <Amount
          label={t("scaling.cooldown")}
          hint={t("scaling.cooldown.hint")}
          value={cooldownSeconds}
          onChange={(next) => onChange({ cooldownSeconds: next })}
        />
        <Choose
          label={t("module.buffer")}
          value={buffer}
          options={buffers}
          onChange={(next) => onChange({ buffer: next })}
        />
      </div>
    </details>
  );
}
