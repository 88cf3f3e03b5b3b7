import { shortId } from "@evenkeel/client/text/change";
import type { Tree } from "@evenkeel/client/tree";
import type { BatchView, Change } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { LinkButton } from "../kit/button.tsx";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Skeleton } from "../kit/surface.tsx";
import { useTree } from "../live/tree.ts";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import type { Asked } from "./action-body.ts";
import { ActionDialog } from "./action-dialog.tsx";
import { Actions, ELSEWHERE } from "./actions.tsx";
import { Board } from "./board.tsx";
import { ChangeBadge } from "./looks.tsx";
import { Summary } from "./summary.tsx";
import { TargetPanel } from "./target-panel.tsx";
import "./change.css";

const Traffic = lazy(async () => ({ default: (await import("./traffic.tsx")).Traffic }));
const PlanTab = lazy(async () => ({ default: (await import("./plan-tab.tsx")).PlanTab }));
const HistoryTab = lazy(async () => ({ default: (await import("./history-tab.tsx")).HistoryTab }));
const DocumentTab = lazy(async () => ({ default: (await import("./document-tab.tsx")).DocumentTab }));

const TABS = ["board", "plan", "history", "document"] as const;
type Tab = (typeof TABS)[number];

/** One change, live. Give it the id as its key. */
export function ChangePage({ id }: { readonly id: ChangeId }) {
  const { t } = useWords();
  const { tree, printed, begun, error, take } = useTree(id);
  const [search, setSearch] = useSearchParams();
  const [asked, setAsked] = useState<Asked | null>(null);
  const selected = search.get("host");
  const tab = TABS.find((each) => each === search.get("view")) ?? "board";
  const select = useCallback(
    (targetId: string | null) =>
      setSearch(
        (now) => {
          if (targetId === null) now.delete("host");
          else now.set("host", targetId);
          return now;
        },
        { replace: true },
      ),
    [setSearch],
  );
  useAsked(tree, setAsked, select);
  const onAct = useCallback((action: ChangeAction, batch: BatchView) => setAsked({ action, batch }), []);
  if (tree === null) return error === null ? <Skeleton lines={6} /> : <ErrorNotice error={error} />;
  const { change } = tree;
  const target = selected === null ? undefined : tree.targets.get(selected);
  return (
    <>
      <Head change={change} onAsk={setAsked} />
      {error !== null && <ErrorNotice error={error} />}
      <Summary change={change} tree={tree} onOpen={select} />
      <Segments<Tab>
        label={t("change.views")}
        value={tab}
        options={TABS.map((value) => ({ value, label: t(`change.${value}`) }))}
        onChange={(value) => setSearch(value === "board" ? {} : { view: value })}
      />
      <Suspense fallback={<Skeleton lines={6} />}>
        <TabOf
          tab={tab}
          change={change}
          board={<Board tree={tree} selected={selected} onOpen={select} onAct={onAct} />}
        />
      </Suspense>
      {target && (
        <TargetPanel
          key={target.targetId}
          changeId={id}
          target={target}
          printed={printed}
          begun={begun}
          onAct={(action) => setAsked({ action, target })}
          onClose={() => select(null)}
        />
      )}
      {asked && <ActionDialog change={change} tree={tree} asked={asked} onClose={() => setAsked(null)} onDone={take} />}
    </>
  );
}

/** Other pages lead to an action by `?ask=VERB`: its dialog opens once, if it is legal now. */
function useAsked(tree: Tree | null, ask: (asked: Asked) => void, open: (targetId: string) => void) {
  const [search, setSearch] = useSearchParams();
  const wanted = search.get("ask");
  useEffect(() => {
    if (wanted === null || tree === null) return;
    const { allowedActions } = tree.change;
    const action = allowedActions.find((each) => each === wanted);
    setSearch(
      (now) => {
        now.delete("ask");
        return now;
      },
      { replace: true },
    );
    if (action === undefined) return;
    if (!ELSEWHERE.includes(action)) return ask({ action });
    // Of a single host: it is opened, and offers it.
    const target = [...tree.targets.values()].find((one) => one.allowedActions.includes(action));
    if (target !== undefined) open(target.targetId);
  }, [wanted, tree, ask, open, setSearch]);
}

function Head({ change, onAsk }: { readonly change: Change; readonly onAsk: (asked: Asked) => void }) {
  const { t, named, said } = useWords();
  const lead = (
    <span className="row wrap">
      <ChangeBadge state={change.state} />
      <span>{named("kind", change.kind)}</span>
      <span className="mono faint" title={change.id}>
        {shortId(change.id)}
      </span>
      <span className="faint">{t("change.createdBy", { who: change.createdBy })}</span>
    </span>
  );
  return (
    <PageHead title={said(change.title)} lead={lead}>
      <LinkButton look="quiet" icon="doctor" href={`/changes/${change.id}/diagnosis`}>
        {t("diagnosis.open")}
      </LinkButton>
      <Actions change={change} onAsk={onAsk} />
    </PageHead>
  );
}

interface TabProps {
  readonly tab: Tab;
  readonly change: Change;
  readonly board: ReactNode;
}

function TabOf({ tab, change, board }: TabProps) {
  switch (tab) {
    case "plan":
      return <PlanTab id={change.id} digest={change.planDigest} />;
    case "history":
      return <HistoryTab id={change.id} sequence={change.sequence} />;
    case "document":
      return <DocumentTab change={change} />;
    case "board":
      return (
        <div className={`change-board${change.services.length === 0 ? " whole" : ""}`}>
          {board}
          <Side change={change} />
        </div>
      );
  }
}

function Side({ change }: { readonly change: Change }) {
  if (change.services.length === 0) return null;
  return (
    <div className="stack">
      {change.services.slice(0, 3).map((serviceId) => (
        <Traffic key={serviceId} serviceId={serviceId} />
      ))}
    </div>
  );
}
