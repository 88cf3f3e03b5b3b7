import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { stringify } from "yaml";
import { client } from "../connection.ts";
import { CopyButton } from "../kit/copy.tsx";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Empty, Notice } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { Batches, Differences, PlanWarnings } from "./plan-view.tsx";

interface DryRun {
  readonly data?: Awaited<ReturnType<typeof client.planChange>> | undefined;
  readonly error: unknown;
  readonly isFetching: boolean;
  /** The plan is that of the last choice, and nothing is missing. */
  readonly ready: boolean;
}

/** Makes the plan anew with every choice; null = something was not chosen yet. */
export function usePreview(kind: string, spec: object | null): DryRun {
  const { data, error, isFetching, isSuccess, isPlaceholderData } = useQuery({
    queryKey: ["dry run", kind, spec],
    queryFn: () => client.planChange({ body: { kind, spec } }),
    enabled: spec !== null,
    placeholderData: keepPreviousData,
    staleTime: 5000,
  });
  const ready = spec !== null && isSuccess && !isPlaceholderData && data.plan.missing.length === 0;
  return { data, error, isFetching, ready };
}

interface PlanPreviewProps {
  readonly kind: string;
  readonly spec: object | null;
  readonly dryRun: DryRun;
  /** What is to be chosen before there is a plan. */
  readonly hint: string;
}

/** The true plan, made by those who would carry it out, again with every choice. */
export function PlanPreview({ kind, spec, dryRun: { data, error, isFetching }, hint }: PlanPreviewProps) {
  const { t, said } = useWords();
  const [view, setView] = useState<"picture" | "yaml">("picture");
  if (spec === null) {
    return (
      <Card>
        <Empty icon="change" title={t("release.preview")}>
          <p>{hint}</p>
        </Empty>
      </Card>
    );
  }
  const text = stringify({ kind, spec });
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
                  {plan.missing.map((one) => said(one)).join(", ")}
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
