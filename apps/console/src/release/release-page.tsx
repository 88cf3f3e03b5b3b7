import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import { useMutation } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { useLocation, useSearchParams } from "wouter";
import { PlanPreview, usePreview } from "../change/plan-preview.tsx";
import { StartButton } from "../change/start-button.tsx";
import { client } from "../connection.ts";
import { useEntryState } from "../kit/entry-state.ts";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { ApplicationStep } from "./application-step.tsx";
import { PackageStep } from "./package-step.tsx";
import { StrategyStep } from "./strategy-step.tsx";
import { UserFields } from "./user-fields.tsx";
import { FIRST_STRATEGY, specOf, type Wish } from "./wish.ts";
import "./release.css";

/** From an application to a running release, with the plan in sight all the way. */
export function ReleasePage({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const [, navigate] = useLocation();
  const [search] = useSearchParams();
  const [wish, setWish] = useEntryState<Wish>("release", {
    application: search.get("application") ?? "",
    version: search.get("version") ?? "",
    definition: null,
    strategy: FIRST_STRATEGY,
  });
  const change = (news: Partial<Wish>) => setWish((now) => ({ ...now, ...news }));
  const spec = specOf(workspace, useDeferredValue(wish));
  const dryRun = usePreview(RELEASE_ORDER, spec);
  const start = useMutation({
    mutationFn: () => client.createChange({ body: { kind: RELEASE_ORDER, spec, start: {} } }),
    onSuccess: ({ id }) => navigate(`/changes/${id}`),
  });
  return (
    <>
      <PageHead title={t("page.release")} lead={t("release.lead", { workspace })}>
        <StartButton kind={RELEASE_ORDER} ready={dryRun.ready} act={start}>
          {t("release.start")}
        </StartButton>
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
            <div className="stack">
              <UserFields
                value={wish.strategy}
                onChange={(news) => change({ strategy: { ...wish.strategy, ...news } })}
              />
              <StrategyStep value={wish.strategy} onChange={(strategy) => change({ strategy })} />
            </div>
          </Step>
        </div>
        <div className="release-plan stack">
          {start.isError && <ErrorNotice error={start.error} />}
          <PlanPreview kind={RELEASE_ORDER} spec={spec} dryRun={dryRun} hint={t("release.preview.hint")} />
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
