import { allItems } from "@evenkeel/client/page";
import type { ScalingRule } from "@evenkeel/contracts/scaling-rule";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Removal } from "../kit/removal.tsx";
import { Badge } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { Band } from "./band.tsx";
import { ScalingRuleDialog } from "./rule-dialog.tsx";
import { LastScaling, Verdict } from "./verdict.tsx";
import "./scaling.css";

const columnsOf = (workspace: string): readonly Column<ScalingRule>[] => [
  { name: "common.name", show: (rule) => <Named rule={rule} /> },
  {
    name: "scaling.module",
    show: ({ module, cluster }) => (
      <span className="stack scaling-verdict">
        <Link className="link" href={`/w/${workspace}/modules/${module}`}>
          {module}
        </Link>
        <span className="faint">{cluster}</span>
      </span>
    ),
  },
  { name: "scaling.metric", show: (rule) => <Measured rule={rule} /> },
  {
    name: "module.bases",
    show: ({ minBases, maxBases }) => <span className="number">{`${minBases} – ${maxBases}`}</span>,
  },
  { name: "scaling.last", show: (rule) => <Verdict rule={rule} /> },
  { name: "scaling.did", show: (rule) => <LastScaling rule={rule} /> },
];

function Named({ rule: { name, enabled } }: { readonly rule: ScalingRule }) {
  const { t } = useWords();
  return (
    <span className="row tight">
      <strong>{name}</strong>
      {!enabled && <Badge tone="idle">{t("scaling.off")}</Badge>}
    </span>
  );
}

function Measured({ rule }: { readonly rule: ScalingRule }) {
  const { t } = useWords();
  return (
    <span className="stack scaling-verdict">
      <span>{t(`scaling.metric.${rule.metric}`)}</span>
      <Band rule={rule} value={rule.verdict?.value ?? null} />
    </span>
  );
}

type Asked = { readonly what: "new" } | { readonly what: "edit" | "remove"; readonly rule: ScalingRule };

/** Who gets a module more bases or fewer with nobody asked, and what each rule has found and done last. */
export function ScalingRuleList({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const [asked, setAsked] = useState<Asked | null>(null);
  useReadAgain(workspace);
  const close = () => setAsked(null);
  const actions: Column<ScalingRule> = {
    name: "module.actions",
    show: (rule) => (
      <span className="row tight">
        <Button small needs="scaling-rule:update" onClick={() => setAsked({ what: "edit", rule })}>
          {t("scaling.edit")}
        </Button>
        <Button small look="danger" needs="scaling-rule:delete" onClick={() => setAsked({ what: "remove", rule })}>
          {t("scaling.remove")}
        </Button>
      </span>
    ),
  };
  return (
    <>
      <ListPage
        title="page.scaling"
        lead={t("scaling.lead")}
        of={`scaling rules of ${workspace}`}
        read={async () => {
          const all = await allItems((input) => client.listScalingRules(input as never), { limit: 200 });
          return { items: (all as ScalingRule[]).filter((rule) => rule.workspace === workspace), nextCursor: null };
        }}
        columns={[...columnsOf(workspace), actions]}
        keyOf={({ name }) => name}
        empty={{
          icon: "scaling",
          title: "scaling.none",
          hint: "scaling.none.hint",
          command: "evenkeel scaling-rule set prices-load --cluster front --module prices --above 200 --below 50",
        }}
        actions={
          <Button look="primary" icon="plus" needs="scaling-rule:update" onClick={() => setAsked({ what: "new" })}>
            {t("scaling.new")}
          </Button>
        }
      />
      {asked?.what === "new" && <ScalingRuleDialog workspace={workspace} known={null} onClose={close} />}
      {asked?.what === "edit" && <ScalingRuleDialog workspace={workspace} known={asked.rule} onClose={close} />}
      {asked?.what === "remove" && <RemoveRule workspace={workspace} rule={asked.rule} onClose={close} />}
    </>
  );
}

/** A rule that has made a change says something new; the stream of the workspace tells when. */
function useReadAgain(workspace: string): void {
  const { changes } = useWorkspace();
  const queries = useQueryClient();
  const moved = changes
    .filter(({ createdBy }) => createdBy.startsWith("scaling-rule/"))
    .map(({ id, state }) => `${id} ${state}`)
    .join(" ");
  useEffect(() => {
    if (moved !== "") void queries.invalidateQueries({ queryKey: ["list", `scaling rules of ${workspace}`] });
  }, [queries, workspace, moved]);
}

interface RemoveProps {
  readonly workspace: string;
  readonly rule: ScalingRule;
  readonly onClose: () => void;
}

function RemoveRule({ workspace, rule: { name, module }, onClose }: RemoveProps) {
  const { t } = useWords();
  return (
    <Removal
      title={t("scaling.remove.of", { name })}
      verb={t("scaling.remove")}
      remove={() => client.removeScalingRule({ params: { rule: name } })}
      from={["list", `scaling rules of ${workspace}`]}
      onClose={onClose}
    >
      {t("scaling.remove.will", { module })}
    </Removal>
  );
}
