import type { ScalingRule, ScalingVerdictKind } from "@evenkeel/contracts/scaling-rule";
import { Link } from "wouter";
import { Ago } from "../kit/clock.tsx";
import { Badge, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";

const TONES: Readonly<Record<ScalingVerdictKind, Tone>> = {
  "no-data": "warn",
  steady: "good",
  "at-limit": "warn",
  cooling: "idle",
  "under-way": "busy",
  scale: "busy",
  refused: "bad",
};

/** What a rule found at its last look; the exact words of the platform are behind the badge. */
export function Verdict({ rule }: { readonly rule: ScalingRule }) {
  const words = useWords();
  const { t, said } = words;
  const { verdict, lookedAt, enabled } = rule;
  if (verdict === null || lookedAt === null) return <span className="soft">{t("scaling.unseen")}</span>;
  const { kind, why, bases, wanted, problem } = verdict;
  const would = kind === "scale" && !enabled;
  return (
    <span className="stack scaling-verdict">
      <span className="row tight" title={said(why)}>
        <Badge tone={would ? "idle" : TONES[kind]}>{t(would ? "scaling.would" : `scaling.verdict.${kind}`)}</Badge>
        <Ago at={lookedAt} />
      </span>
      <span className="soft">
        {problem === null
          ? t(wanted === null ? "scaling.bases.now" : "scaling.bases.wanted", { bases, wanted: wanted ?? bases })
          : sentenceOf(problem, words).title}
      </span>
    </span>
  );
}

/** The last change that the rule has made. */
export function LastScaling({ rule: { changeId, scaledAt } }: { readonly rule: ScalingRule }) {
  const { t } = useWords();
  if (changeId === null) return <span className="soft">{t("scaling.never")}</span>;
  return (
    <span className="row tight">
      <Link className="link" href={`/changes/${changeId}`}>
        {t("scaling.change")}
      </Link>
      {scaledAt !== null && <Ago at={scaledAt} />}
    </span>
  );
}
