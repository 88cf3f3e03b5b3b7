import type { StepOutput, StepView, TargetView } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import type { ChangeId, StepId } from "@evenkeel/contracts/id";
import { useEffect, useState } from "react";
import { Button } from "../kit/button.tsx";
import { useNow } from "../kit/clock.tsx";
import { useFocusBack } from "../kit/focus-back.ts";
import { ProblemNotice } from "../kit/problem.tsx";
import { Badge } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { STEP_TONES, TARGET_TONES } from "./looks.tsx";
import { StepDetail } from "./step-detail.tsx";

interface TargetPanelProps {
  readonly changeId: ChangeId;
  readonly target: TargetView;
  readonly printed: ReadonlyMap<StepId, readonly StepOutput[]>;
  readonly begun: ReadonlySet<StepId>;
  readonly onAct: (action: ChangeAction) => void;
  readonly onClose: () => void;
}

/** One target of a change: its steps in time, and what the one that one looks at has said. */
export function TargetPanel({ changeId, target, printed, begun, onAct, onClose }: TargetPanelProps) {
  const { t, said } = useWords();
  const name = target.hostId === null ? said(target.name, "group") : target.name;
  const [chosen, setChosen] = useState<string | null>(null);
  const step = target.steps.find((each) => keyOf(each) === chosen) ?? telling(target.steps);
  useFocusBack();
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key === "Escape" && document.querySelector("dialog[open]") === null) onClose();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [onClose]);
  return (
    <aside className="panel" aria-label={name}>
      <div className="panel-head">
        <h2 className="cut">{name}</h2>
        <Badge tone={TARGET_TONES[target.state]}>{t(`target.${target.state}`)}</Badge>
        <span className="grow" />
        {target.allowedActions.map((action) => (
          <Button key={action} small onClick={() => onAct(action)}>
            {t(`action.${action}`)}
          </Button>
        ))}
        <Button look="quiet" icon="close" aria-label={t("target.close")} onClick={onClose} />
      </div>
      <div className="panel-body stack">
        {target.hostId === null ? <p className="soft">{t("target.moves")}</p> : <Place target={target} />}
        {target.problem !== null && <ProblemNotice problem={target.problem} />}
        <section className="stack tight">
          <h3>{t("target.steps")}</h3>
          <Timeline steps={target.steps} chosen={step} onChoose={(each) => setChosen(keyOf(each))} />
        </section>
        {step !== undefined && (
          <StepDetail
            key={keyOf(step)}
            changeId={changeId}
            step={step}
            printed={step.id === null ? [] : (printed.get(step.id) ?? [])}
            earlier={step.id !== null && begun.has(step.id)}
            told={target.problem?.code ?? null}
          />
        )}
      </div>
    </aside>
  );
}

/** Where a target stands and what becomes of it there. */
function Place({ target: { zone, from, to, traffic } }: Pick<TargetPanelProps, "target">) {
  const { t } = useWords();
  return (
    <dl className="pairs">
      <dt>{t("common.zone")}</dt>
      <dd>{zone}</dd>
      <dt>{t("target.from")}</dt>
      <dd className="mono">{from ?? "–"}</dd>
      <dt>{t("target.to")}</dt>
      <dd className="mono">{to ?? "–"}</dd>
      <dt>{t("target.traffic")}</dt>
      <dd>{t(`traffic.${traffic}`)}</dd>
    </dl>
  );
}

const keyOf = ({ id, phase, name }: StepView): string => id ?? `${phase}/${name}`;

/** Of its own accord the panel shows what runs, or what failed, or what was done last. */
function telling(steps: readonly StepView[]): StepView | undefined {
  return (
    steps.find(({ state }) => state === "running") ??
    steps.findLast(({ outcome }) => outcome !== null && outcome.kind !== "succeeded") ??
    steps.findLast(({ state }) => state !== "pending")
  );
}

interface TimelineProps {
  readonly steps: readonly StepView[];
  readonly chosen: StepView | undefined;
  readonly onChoose: (step: StepView) => void;
}

function Timeline({ steps, chosen, onChoose }: TimelineProps) {
  const { t, duration, step: stepName, said } = useWords();
  const now = useNow(500);
  const lengths = steps.map((step) => lengthOf(step, now));
  const longest = Math.max(1, ...lengths.map((ms) => ms ?? 0));
  return (
    <ol className="timeline">
      {steps.map((step, index) => {
        const ms = lengths[index] ?? null;
        return (
          <li key={keyOf(step)}>
            <button type="button" aria-pressed={step === chosen} onClick={() => onChoose(step)}>
              <span className={`timeline-mark tone-${STEP_TONES[step.state]}`} aria-hidden="true" />
              <span className="cut">
                {stepName(step.name)}
                {step.attempt > 1 && <span className="faint"> · {t("target.attempt", { number: step.attempt })}</span>}
                {step.waitingFor !== null && <span className="faint"> · {said(step.waitingFor)}</span>}
                <span className="hidden-text">{t(`step.${step.state}`)}</span>
              </span>
              <span className="faint number">{ms === null ? "" : duration(ms)}</span>
              <span className={`timeline-bar tone-${STEP_TONES[step.state]}`} aria-hidden="true">
                {ms !== null && <span style={{ width: `${Math.max(3, (100 * ms) / longest)}%` }} />}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

function lengthOf({ startedAt, finishedAt }: StepView, now: number): number | null {
  if (startedAt === null) return null;
  return Math.max(0, (finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt));
}
