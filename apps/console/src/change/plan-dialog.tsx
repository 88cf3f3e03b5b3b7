import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue } from "react";
import { useLocation } from "wouter";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Notice, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { Batches, Differences, PlanWarnings } from "./plan-view.tsx";
import { StartButton } from "./start-button.tsx";
import "./plan.css";

/** What is to be done; the spec is null while something of it is missing. */
export interface Planned {
  readonly kind: string;
  readonly spec: object | null;
}

interface PlanDialogProps extends Planned {
  readonly title: ReactNode;
  readonly start: string;
  readonly children?: ReactNode;
  readonly onClose: () => void;
}

/** Asks for what a change needs, shows the plan that those who would carry it out have made of it, and starts it. */
export function PlanDialog({ title, start, kind, spec, children, onClose }: PlanDialogProps) {
  const { t } = useWords();
  const { ready, act } = useStart({ kind, spec });
  return (
    <Dialog
      className="wide"
      title={title}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <StartButton kind={kind} ready={ready} act={act}>
            {start}
          </StartButton>
        </>
      }
    >
      {children}
      {act.isError && <ErrorNotice error={act.error} />}
      <PlanPreview kind={kind} spec={spec} />
    </Dialog>
  );
}

/** The dry run of a change, made anew with every choice. */
function useDryRun({ kind, spec }: Planned) {
  const text = useDeferredValue(JSON.stringify(spec));
  return useQuery({
    queryKey: ["dry run", kind, text],
    queryFn: () => client.planChange({ body: { kind, spec: JSON.parse(text) } as never }),
    enabled: text !== "null",
    placeholderData: keepPreviousData,
    staleTime: 5000,
  });
}

/** Whether a change can be started as it stands, and the way to do so; from there one is on its page. */
export function useStart({ kind, spec }: Planned) {
  const [, navigate] = useLocation();
  const dryRun = useDryRun({ kind, spec });
  const act = useMutation({
    mutationFn: () => client.createChange({ body: { kind, spec, start: {} } as never }),
    onSuccess: ({ id }) => navigate(`/changes/${id}`),
  });
  const ready = spec !== null && dryRun.isSuccess && !dryRun.isPlaceholderData && dryRun.data.plan.missing.length === 0;
  return { ready, act };
}

/** What will happen, before it does. */
export function PlanPreview({ kind, spec }: Planned) {
  const { t, said } = useWords();
  const { data, error, isFetching } = useDryRun({ kind, spec });
  if (spec === null) return <p className="soft">{t("plan.choose")}</p>;
  if (error !== null) return <ErrorNotice error={error} />;
  if (data === undefined) return <Skeleton />;
  const { plan } = data;
  return (
    <section className={`stack tight${isFetching ? " fetching" : ""}`} aria-label={t("plan.preview")}>
      {plan.missing.length > 0 && (
        <Notice tone="warn" title={t("release.missing")}>
          {plan.missing.map((one) => said(one)).join(", ")}
        </Notice>
      )}
      <PlanWarnings plan={plan} />
      <h3>{t("plan.preview")}</h3>
      <Batches plan={plan} />
      <Differences differences={plan.differences} />
    </section>
  );
}
