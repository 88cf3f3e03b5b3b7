import type { BatchView } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import type { GuardOutcome, GuardVerdict } from "@evenkeel/contracts/guard";
import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { Badge, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { BATCH_TONES } from "./looks.tsx";

interface BatchHeadProps {
  readonly batch: BatchView;
  readonly onAct: (action: ChangeAction, batch: BatchView) => void;
}

/** What a batch is, how it stands, what its guards say, and what one may do with it. */
export function BatchHead({ batch, onAct }: BatchHeadProps) {
  const words = useWords();
  const { t } = words;
  const { name, state, beta, gate, confirmed, targetCounts, bakeMs, bakedMs, bakesUntil, guards, allowedActions } =
    batch;
  return (
    <div className="batch-head">
      <h3 className="cut">{name}</h3>
      <Badge tone={BATCH_TONES[state]}>{t(`batch.${state}`)}</Badge>
      {beta && (
        <Badge plain tone="idle">
          {t("batch.beta")}
        </Badge>
      )}
      <span className="faint number">
        {t("change.progress", { done: targetCounts.succeeded + targetCounts.skipped, total: targetCounts.total })}
      </span>
      {gate !== null && !confirmed && state !== "awaiting-confirmation" && (
        <span className="faint row tight">
          <Icon name="user" size={14} />
          {t(`batch.gate.${gate}`)}
        </span>
      )}
      {state === "baking" && (
        <span
          className="bake"
          title={t("batch.bake", { done: words.duration(bakedMs), total: words.duration(bakeMs) })}
        >
          <span style={{ transform: `scaleX(${bakeMs === 0 ? 1 : bakedMs / bakeMs})` }} />
        </span>
      )}
      {bakesUntil !== null && <span className="faint number">{t("batch.until", { at: words.clock(bakesUntil) })}</span>}
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
    </div>
  );
}

const GUARD_TONES: Readonly<Record<GuardOutcome, Tone>> = { pass: "good", worse: "bad", "no-data": "warn" };

function Guard({ verdict }: { readonly verdict: GuardVerdict }) {
  const { t } = useWords();
  const { name, outcome, text } = verdict;
  return (
    <span title={text}>
      <Badge plain tone={outcome === null ? "idle" : GUARD_TONES[outcome]}>
        <Icon name="doctor" size={13} />
        {name} · {t(`batch.guard.${outcome ?? "none"}`)}
      </Badge>
    </span>
  );
}
