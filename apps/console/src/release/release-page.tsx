import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { stringify } from "yaml";
import { Batches, Differences, PlanWarnings } from "../change/plan-view.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { CopyButton } from "../kit/copy.tsx";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Empty, Notice } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { ApplicationStep } from "./application-step.tsx";
import { PackageStep } from "./package-step.tsx";
import { StrategyStep } from "./strategy-step.tsx";
import { FIRST_STRATEGY, specOf, type Wish } from "./wish.ts";
import "./release.css";

/** From an application to a running release, with the plan in sight all the way. */
export function ReleasePage({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const [wish, setWish] = useState<Wish>({
    application: search.get("application") ?? "",
    version: search.get("version") ?? "",
    definition: null,
    strategy: FIRST_STRATEGY,
  });
  const change = (news: Partial<Wish>) => setWish((now) => ({ ...now, ...news }));
  const spec = specOf(workspace, useDeferredValue(wish));
  const dryRun = useQuery({
    queryKey: ["dry run", spec],
    queryFn: () => client.planChange({ body: { kind: RELEASE_ORDER, spec } }),
    enabled: spec !== null,
    placeholderData: keepPreviousData,
    staleTime: 5000,
  });
  const start = useMutation({
    mutationFn: () => client.createChange({ body: { kind: RELEASE_ORDER, spec, start: {} } }),
    onSuccess: ({ id }) => navigate(`/changes/${id}`),
  });
  const ready = spec !== null && dryRun.isSuccess && !dryRun.isPlaceholderData && dryRun.data.plan.missing.length === 0;
  return (
    <>
      <PageHead title={t("page.release")} lead={t("release.lead", { workspace })}>
        <Button look="primary" icon="play" disabled={!ready || start.isPending} onClick={() => start.mutate()}>
          {t("release.start")}
        </Button>
      </PageHead>
      <div className="release">
        <div className="stack">
          <Step number={1} title={t("release.application")}>
            <ApplicationStep workspace={workspace} wish={wish} onChange={change} />
          </Step>
          <Step number={2} title={t("release.package")}>
            <PackageStep key={wish.application} wish={wish} onChange={change} />
          </Step>
          <Step number={3} title={t("release.strategy")}>
            <StrategyStep value={wish.strategy} onChange={(strategy) => change({ strategy })} />
          </Step>
        </div>
        <div className="release-plan stack">
          {start.isError && <ErrorNotice error={start.error} />}
          <Preview spec={spec} dryRun={dryRun} />
        </div>
      </div>
    </>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: React.ReactNode }) {
  return (
    <Card
      title={
        <span className="row">
          <span className="step-number" aria-hidden="true">
            {number}
          </span>
          {title}
        </span>
      }
    >
      {children}
    </Card>
  );
}

interface PreviewProps {
  readonly spec: ReturnType<typeof specOf>;
  readonly dryRun: {
    readonly data?: Awaited<ReturnType<typeof client.planChange>> | undefined;
    readonly error: unknown;
    readonly isFetching: boolean;
  };
}

/** The true plan, made by those who would carry it out, again with every choice. */
function Preview({ spec, dryRun: { data, error, isFetching } }: PreviewProps) {
  const { t } = useWords();
  const [view, setView] = useState<"picture" | "yaml">("picture");
  if (spec === null) {
    return (
      <Card>
        <Empty icon="change" title={t("release.preview")}>
          <p>{t("release.preview.hint")}</p>
        </Empty>
      </Card>
    );
  }
  const text = stringify({ kind: RELEASE_ORDER, spec });
  const plan = data?.plan;
  return (
    <Card
      title={t("release.preview")}
      aside={
        <Segments
          label={t("release.view")}
          value={view}
          options={[
            { value: "picture", label: t("release.picture") },
            { value: "yaml", label: "YAML" },
          ]}
          onChange={setView}
        />
      }
    >
      {view === "yaml" ? (
        <div className="stack tight">
          <div className="row">
            <span className="grow soft">{t("release.yaml.hint")}</span>
            <CopyButton text={text} />
          </div>
          <pre className="code">{text}</pre>
        </div>
      ) : (
        <div className={`stack${isFetching ? " fetching" : ""}`} aria-busy={isFetching}>
          {error !== null && <ErrorNotice error={error} />}
          {plan && error === null && (
            <>
              {plan.missing.length > 0 && (
                <Notice tone="warn" title={t("release.missing")}>
                  {plan.missing.join(", ")}
                </Notice>
              )}
              <PlanWarnings plan={plan} />
              <Batches plan={plan} />
              <h3>{t("plan.differences")}</h3>
              <Differences differences={plan.differences} />
            </>
          )}
        </div>
      )}
    </Card>
  );
}
