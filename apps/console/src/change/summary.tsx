import type { Tree } from "@evenkeel/client/tree";
import type { Change, TargetView } from "@evenkeel/contracts/change";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Ago, useNow } from "../kit/clock.tsx";
import { ProblemNotice } from "../kit/problem.tsx";
import { Notice } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { Causes } from "./causes.tsx";
import { Progress } from "./progress.tsx";
import { longWaits } from "./waits.ts";

interface SummaryProps {
  readonly change: Change;
  readonly tree: Tree;
  readonly onOpen: (targetId: string) => void;
}

/** How far it is, what it waits for, and why it stopped. */
export function Summary({ change, tree, onOpen }: SummaryProps) {
  const { t, duration, said } = useWords();
  const now = useNow(1000);
  const { startedAt, finishedAt, reason, waitingFor, problem, causes } = change;
  const tookMs =
    startedAt === null ? null : (finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt);
  return (
    <div className="change-summary">
      <Relations change={change} />
      {problem !== null && (
        <ProblemNotice problem={problem}>
          <Causes causes={causes.filter(({ code }) => code !== problem.code)} />
          <Targets those={[...tree.targets.values()].filter(isLost)} onOpen={onOpen} />
        </ProblemNotice>
      )}
      {waitingFor !== null && (
        <Notice tone="warn" title={t("common.pair", { name: t("change.waiting"), value: said(waitingFor) })} />
      )}
      {finishedAt === null && <Waits change={change} tree={tree} now={now} onOpen={onOpen} />}
      <List tone="warn" title={t("change.leftBehind")} items={change.leftBehind.map((line) => said(line, "left"))} />
      <div className="card change-facts">
        <Progress change={change} />
        <dl>
          {startedAt !== null && (
            <Fact name={t("change.started")}>
              <Ago at={startedAt} />
            </Fact>
          )}
          {tookMs !== null && (
            <Fact name={t("change.took")}>
              <span className="number">{duration(tookMs)}</span>
            </Fact>
          )}
          {reason !== null && <Fact name={t("change.reason")}>{said(reason)}</Fact>}
          {change.locks.length > 0 && (
            <Fact name={t("change.locks")}>
              {change.locks
                .slice(0, 3)
                .map(({ label }) => said(label, "label"))
                .join(", ")}
            </Fact>
          )}
        </dl>
      </div>
    </div>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function List({ tone, title, items }: { tone: "warn"; title: string; items: readonly string[] }) {
  if (items.length === 0) return null;
  return (
    <Notice tone={tone} title={title}>
      {items.map((item) => (
        <span key={item}>{item}</span>
      ))}
    </Notice>
  );
}

/** The rollback of a change, and what a rollback takes back. */
function Relations({ change }: { readonly change: Change }) {
  const { t } = useWords();
  const { rollbackOf, rollbackChangeId, rolledBackBy } = change;
  const other = rollbackOf ?? rolledBackBy ?? rollbackChangeId;
  if (other === null) return null;
  const over = rolledBackBy !== null || change.state === "rolled-back";
  const text = rollbackOf !== null ? "change.rollbackOf" : over ? "change.rolledBackBy" : "change.rollbackBy";
  return (
    <Notice
      tone="idle"
      title={t(text)}
      aside={
        <Link className="link" href={`/changes/${other}`}>
          {t("change.open")}
        </Link>
      }
    />
  );
}

const SHOWN = 8;

const isLost = ({ state }: TargetView): boolean => ["failed", "interrupted", "unknown"].includes(state);

/** What holds running steps up, with the way to what frees them. */
function Waits({ change, tree, now, onOpen }: SummaryProps & { readonly now: number }) {
  const { t, said } = useWords();
  return longWaits(tree.targets.values(), now).map(({ what, targets }) => (
    <Notice
      key={what}
      tone="warn"
      title={t("common.pair", { name: t("change.waiting"), value: said(what) })}
      aside={
        <Link className="link" href={`/changes/${change.id}/diagnosis`}>
          {t("diagnosis.open")}
        </Link>
      }
    >
      <Targets those={targets} onOpen={onOpen} />
    </Notice>
  ));
}

/** The first of these targets, each one click away. */
function Targets({ those, onOpen }: Pick<SummaryProps, "onOpen"> & { readonly those: readonly TargetView[] }) {
  if (those.length === 0) return null;
  return (
    <span className="row wrap tight">
      {those.slice(0, SHOWN).map(({ targetId, name }) => (
        <button key={targetId} type="button" className="button small" onClick={() => onOpen(targetId)}>
          {name}
        </button>
      ))}
    </span>
  );
}
