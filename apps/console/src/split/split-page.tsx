import type { BaseCluster } from "@evenkeel/contracts/base-cluster";
import type { SplitRule } from "@evenkeel/contracts/module";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { useState } from "react";
import { AT_ONCE, type Pace, PaceFields } from "../change/pace.tsx";
import { PlanPreview, useStart } from "../change/plan-dialog.tsx";
import { StartButton } from "../change/start-button.tsx";
import { Button } from "../kit/button.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Empty, Skeleton } from "../kit/surface.tsx";
import { type Writing, WritingChoice, YamlEditor } from "../kit/yaml-editor.tsx";
import { useWords } from "../locale/index.tsx";
import { type Hosting, useHosting } from "../module/read.ts";
import { newerFirst, publicationsOf } from "../module/standing.ts";
import { PageHead } from "../shell/page.tsx";
import { BusinessLines } from "./business-lines.tsx";
import { firstRule, type Splits, splitSpec, splitsOf, yamlOf } from "./draft.ts";
import { RuleCard } from "./rule-card.tsx";
import { SplitPicture } from "./split-picture.tsx";
import "../release/release.css";
import "../traffic/traffic.css";
import "./split.css";

interface SplitPageProps {
  readonly workspace: string;
  readonly cluster: string;
}

/** Who gets which version of what the modules of a base-cluster answer to. Give it the cluster as its key. */
export function SplitPage({ workspace, cluster: name }: SplitPageProps) {
  const { t } = useWords();
  const hosting = useHosting(workspace);
  if (hosting.isError) return <ErrorNotice error={hosting.error} />;
  if (!hosting.isSuccess) return <Skeleton lines={6} />;
  const cluster = hosting.data.clusters.find((one) => one.name === name);
  if (cluster === undefined) {
    return (
      <Empty icon="base" title={t("error.missing")}>
        <p>{t("cluster.none.hint")}</p>
      </Empty>
    );
  }
  return <Editor workspace={workspace} cluster={cluster} hosting={hosting.data} />;
}

interface EditorProps {
  readonly workspace: string;
  readonly cluster: BaseCluster;
  readonly hosting: Hosting;
}

function Editor({ workspace, cluster, hosting }: EditorProps) {
  const { t } = useWords();
  const { name, rules, businesses } = cluster;
  const [first] = useState<Splits>({ rules, businesses });
  const [now, setNow] = useState(first);
  const [view, setView] = useState<Writing>("form");
  const [pace, setPace] = useState<Pace>(AT_ONCE);
  const altered = splitSpec({ workspace, cluster: name }, first, now);
  const spec = altered === null ? null : { ...altered, strategy: pace };
  const { ready, act } = useStart({ kind: MODULE_OPERATION, spec });
  return (
    <>
      <PageHead title={t("split.title", { cluster: name })} lead={t("split.lead")}>
        <WritingChoice value={view} onChange={setView} />
        <StartButton kind={MODULE_OPERATION} ready={ready} act={act}>
          {t("rule.start")}
        </StartButton>
      </PageHead>
      <div className="release">
        {view === "form" ? (
          <Form splits={now} onChange={setNow} hosting={hosting} cluster={name} />
        ) : (
          <Card title="YAML">
            <YamlEditor
              label={t("rule.yaml.hint")}
              first={yamlOf(now)}
              onText={(text) => setNow(splitsOf(text, now))}
            />
          </Card>
        )}
        <div className="stack">
          <Card title={t("split.picture")}>
            <SplitPicture rules={now.rules} />
          </Card>
          {act.isError && <ErrorNotice error={act.error} />}
          <Card title={t("rule.pace")}>
            <div className="stack">
              <PaceFields value={pace} onChange={setPace} />
              {spec === null ? <p className="soft">{t("split.same.yet")}</p> : null}
              {spec !== null && <PlanPreview kind={MODULE_OPERATION} spec={spec} />}
            </div>
          </Card>
        </div>
      </div>
    </>
  );
}

interface FormProps {
  readonly splits: Splits;
  readonly onChange: (splits: Splits) => void;
  readonly hosting: Hosting;
  readonly cluster: string;
}

function Form({ splits, onChange, hosting, cluster }: FormProps) {
  const { t } = useWords();
  const { rules, businesses } = splits;
  const set = (next: readonly SplitRule[]) => onChange({ ...splits, rules: next });
  const add = (form: "some" | "shares") => set([...rules, firstRule(form, ...knownIn(hosting, cluster))]);
  return (
    <div className="stack">
      {rules.length === 0 && (
        <Card>
          <Empty icon="rule" title={t("split.none")}>
            <p>{t("split.none.hint")}</p>
          </Empty>
        </Card>
      )}
      {rules.map((rule, index) => (
        <RuleCard
          // biome-ignore lint/suspicious/noArrayIndexKey: rules are known by their place
          key={index}
          place={index + 1}
          rule={rule}
          onChange={(next) => set(rules.map((each, at) => (at === index ? next : each)))}
          onRemove={() => set(rules.filter((_, at) => at !== index))}
          onUp={index === 0 ? null : () => set(raised(rules, index))}
        />
      ))}
      <div className="row wrap">
        <Button icon="plus" onClick={() => add("some")}>
          {t("split.add.some")}
        </Button>
        <Button icon="plus" onClick={() => add("shares")}>
          {t("split.add.shares")}
        </Button>
      </div>
      <BusinessLines businesses={businesses} onChange={(next) => onChange({ ...splits, businesses: next })} />
    </div>
  );
}

/** The one at this place before the one above it. */
function raised(rules: readonly SplitRule[], index: number): SplitRule[] {
  const others = rules.filter((_, at) => at !== index);
  return others.toSpliced(index - 1, 0, ...rules.slice(index, index + 1));
}

/** What is published in the cluster, and in which versions: a rule most likely is about that. */
function knownIn({ bases }: Hosting, cluster: string): [SplitRule["on"], string[]] {
  const published = publicationsOf(bases).filter((one) => one.cluster === cluster);
  const about = published.find(({ kind }) => kind === "route") ?? published[0];
  const its = published.filter(({ kind, name }) => kind === about?.kind && name === about.name);
  const versions = [...new Set(its.map(({ version }) => version))];
  return [
    { kind: about?.kind ?? "route", name: about?.name ?? "" },
    versions.toSorted((one, other) => newerFirst({ version: one }, { version: other })),
  ];
}
