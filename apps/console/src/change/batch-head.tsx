import type { BatchView } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import type { GuardOutcome, GuardVerdict } from "@evenkeel/contracts/guard";
import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { Badge, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { doneText } from "./amount.ts";
import { BATCH_TONES } from "./looks.tsx";
import { isBeta } from "./plan-view.tsx";

const MINUTE_MS = 60_000;

interface BatchHeadProps {
  readonly batch: BatchView;
  /** Of the change. */
  readonly kind: string;
  readonly onAct: (action: ChangeAction, batch: BatchView) => void;
}

/** What a batch is, how it stands, what its guards say, and what one may do with it. */
export function BatchHead({ batch, kind, onAct }: BatchHeadProps) {
  const words = useWords();
  const { t, said } = words;
  const { name, state, beta, gate, confirmed, targetCounts, guards, allowedActions } = batch;
  return (
    <div className="batch-head">
      <h3 className="cut">{said(name, "batch")}</h3>
      <Badge tone={BATCH_TONES[state]}>{t(`batch.${state}`)}</Badge>
      {beta && !isBeta(name) && (
        <Badge plain tone="idle">
          {t("batch.beta")}
        </Badge>
      )}
      <span className="faint number">{doneText(words, kind, targetCounts)}</span>
      {gate !== null && !confirmed && state !== "awaiting-confirmation" && (
        <span className="faint row tight">
          <Icon name="user" size={14} />
          {t(`batch.gate.${gate}`)}
        </span>
      )}
      {state === "baking" && <Bake batch={batch} />}
      {guards.map((guard) => (
        <Guard key={`${guard.guard} ${guard.when}`} verdict={guard} />
      ))}
      <span className="grow" />
      {allowedActions.map((action) => (
        <Button
          key={action}
          small
          look={action === "confirm" ? "primary" : undefined}
          icon={action === "confirm" ? "check" : undefined}
          onClick={() => onAct(action, batch)}
        >
          {t(`action.${action}`)}
        </Button>
      ))}
      {guards
        .filter(({ outcome }) => outcome === "worse" || outcome === "no-data")
        .map(({ guard, when, name: of, text }) => (
          <p key={`${guard} ${when}`} className="batch-verdict soft">
            {t("common.pair", { name: said(of, "guard"), value: said(text) })}
          </p>
        ))}
    </div>
  );
}

/** How much of its time it has baked, and until when it will, which nobody can read of a short one. */
function Bake({ batch: { bakeMs, bakedMs, bakesUntil } }: Pick<BatchHeadProps, "batch">) {
  const { t, duration, clock } = useWords();
  return (
    <>
      <span className="bake" title={t("batch.bake", { done: duration(bakedMs), total: duration(bakeMs) })}>
        <span style={{ transform: `scaleX(${bakeMs === 0 ? 1 : bakedMs / bakeMs})` }} />
      </span>
      {bakesUntil !== null && bakeMs >= MINUTE_MS && (
        <span className="faint number">{t("batch.until", { at: clock(bakesUntil) })}</span>
      )}
    </>
  );
}

const GUARD_TONES: Readonly<Record<GuardOutcome, Tone>> = { pass: "good", worse: "bad", "no-data": "warn" };

function Guard({ verdict }: { readonly verdict: GuardVerdict }) {
  const { t, said } = useWords();
  const { name, outcome, text } = verdict;
  return (
    <span title={said(text)}>
      <Badge plain tone={outcome === null ? "idle" : GUARD_TONES[outcome]}>
        <Icon name="doctor" size={13} />
        {said(name, "guard")} · {t(`batch.guard.${outcome ?? "none"}`)}
      </Badge>
    </span>
  );
}
