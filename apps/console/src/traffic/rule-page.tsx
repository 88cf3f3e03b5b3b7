import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { AT_ONCE, type Pace, PaceFields } from "../change/pace.tsx";
import { PlanDialog, PlanPreview, useStart } from "../change/plan-dialog.tsx";
import { StartButton } from "../change/start-button.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Text } from "../kit/inputs.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Notice, Skeleton } from "../kit/surface.tsx";
import { type Writing, WritingChoice, YamlEditor } from "../kit/yaml-editor.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { type Draft, draftOf, draftOfRule, FIRST_DRAFT, isNamedDraft, problemsOf, stepsOf, yamlOf } from "./draft.ts";
import { RuleForm } from "./rule-form.tsx";
import { TryRequest } from "./try-request.tsx";
import "../release/release.css";
import "./traffic.css";

type Here = { readonly workspace: string };

export function NewRulePage({ workspace }: Here) {
  const { t } = useWords();
  return <Editor workspace={workspace} title={t("rule.new")} first={FIRST_DRAFT} />;
}

/** A rule as it is, and what becomes of it. Give it the name as its key. */
export function RulePage({ workspace, name }: Here & { readonly name: string }) {
  const rule = useQuery({
    queryKey: ["traffic rule", workspace, name],
    queryFn: () => client.getTrafficRule({ params: { rule: name as never }, query: { workspace: workspace as never } }),
  });
  if (rule.isError) return <ErrorNotice error={rule.error} />;
  if (!rule.isSuccess) return <Skeleton lines={6} />;
  return <Editor workspace={workspace} title={name} first={draftOfRule(rule.data)} existing={name} />;
}

interface EditorProps extends Here {
  readonly title: string;
  readonly first: Draft;
  readonly existing?: string;
}

function Editor({ workspace, title, first, existing }: EditorProps) {
  const { t, said } = useWords();
  const [draft, setDraft] = useState(first);
  const [removing, setRemoving] = useState(false);
  const [steps, setSteps] = useState("");
  const [pace, setPace] = useState<Pace>(AT_ONCE);
  const problems = problemsOf(draft);
  const shares = stepsOf(steps);
  const spec =
    problems.length > 0 || shares === null
      ? null
      : { workspace, put: [draft], steps: shares, strategy: { bakeSeconds: pace.bakeSeconds, confirm: pace.confirm } };
  const { ready, act } = useStart({ kind: ROUTE_CHANGE, spec });
  return (
    <>
      <PageHead title={title} lead={t("rule.page.lead")}>
        {existing !== undefined && (
          <Button look="danger" needs="route-change:create" onClick={() => setRemoving(true)}>
            {t("rule.remove")}
          </Button>
        )}
        <StartButton kind={ROUTE_CHANGE} ready={ready} act={act}>
          {t("rule.start")}
        </StartButton>
      </PageHead>
      <div className="release">
        <div className="stack">
          <DraftCard draft={draft} onChange={setDraft} fixed={existing !== undefined} />
          <PaceCard steps={steps} onSteps={setSteps} pace={pace} onPace={setPace} />
        </div>
        <div className="stack">
          {act.isError && <ErrorNotice error={act.error} />}
          <Card title={t("rule.preview")}>
            {isNamedDraft(draft) && problems.length > 0 ? (
              <Notice tone="warn" title={t("rule.problems")}>
                {problems.map((problem) => (
                  <span key={problem}>{said(problem)}</span>
                ))}
              </Notice>
            ) : (
              <PlanPreview kind={ROUTE_CHANGE} spec={spec} />
            )}
          </Card>
          <TryRequest key={String(draft.service)} workspace={workspace} service={String(draft.service)} />
        </div>
      </div>
      {removing && existing !== undefined && (
        <PlanDialog
          title={`${t("rule.remove")} · ${existing}`}
          start={t("rule.remove")}
          kind={ROUTE_CHANGE}
          spec={{ workspace, remove: [existing] }}
          onClose={() => setRemoving(false)}
        />
      )}
    </>
  );
}

interface PaceCardProps {
  readonly steps: string;
  readonly onSteps: (steps: string) => void;
  readonly pace: Pace;
  readonly onPace: (pace: Pace) => void;
}

function PaceCard({ steps, onSteps, pace, onPace }: PaceCardProps) {
  const { t } = useWords();
  return (
    <Card title={t("rule.pace")}>
      <div className="stack">
        <Text
          label={t("rule.steps")}
          hint={t(stepsOf(steps) === null ? "rule.steps.wrong" : "rule.steps.hint")}
          look="number"
          placeholder="1, 5, 20, 50"
          value={steps}
          onChange={onSteps}
        />
        <PaceFields steps value={pace} onChange={onPace} />
      </div>
    </Card>
  );
}

interface DraftCardProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly fixed: boolean;
}

/** The same rule as a form or as text; either may be written. */
function DraftCard({ draft, onChange, fixed }: DraftCardProps) {
  const { t } = useWords();
  const [view, setView] = useState<Writing>("form");
  return (
    <Card title={t("rule.is")} aside={<WritingChoice value={view} onChange={setView} />}>
      {view === "form" ? (
        <RuleForm draft={draft} onChange={onChange} fixed={fixed} />
      ) : (
        <YamlEditor label={t("rule.yaml.hint")} first={yamlOf(draft)} onText={(text) => onChange(draftOf(text))} />
      )}
    </Card>
  );
}
