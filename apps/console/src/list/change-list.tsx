import type { ChangeSummary } from "@evenkeel/contracts/change";
import { ChangeState } from "@evenkeel/contracts/change-state";
import { Link, useSearchParams } from "wouter";
import { ChangeBadge } from "../change/looks.tsx";
import { Progress } from "../change/progress.tsx";
import { client } from "../connection.ts";
import { LinkButton } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { Said } from "../kit/said.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { type Column, type Filter, ListPage } from "./list-page.tsx";
import { withTold } from "./told-changes.ts";

const KINDS = [
  "release-order",
  "operation-order",
  "scale-order",
  "removal-order",
  "host-operation",
  "route-change",
  "module-release",
  "module-operation",
] as const;

const COLUMNS: readonly Column<ChangeSummary>[] = [
  {
    name: "list.title",
    show: ({ id, title }) => (
      <Link className="link" href={`/changes/${id}`}>
        <Said text={title} />
      </Link>
    ),
  },
  { name: "list.kind", show: ({ kind }) => <Kind kind={kind} /> },
  { name: "common.state", show: ({ state }) => <ChangeBadge state={state} /> },
  { name: "list.progress", show: (change) => <Progress change={change} /> },
  { name: "common.by", show: ({ createdBy }) => createdBy },
  { name: "common.created", show: ({ createdAt }) => <Ago at={createdAt} /> },
];

function Kind({ kind }: { readonly kind: string }) {
  return useWords().named("kind", kind);
}

export function ChangeList({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const live = useWorkspace();
  const filters: readonly Filter[] = [
    {
      name: "state",
      label: "common.state",
      options: ChangeState.options.map((value) => ({ value, label: t(`change.${value}`) })),
    },
    { name: "kind", label: "list.kind", options: KINDS.map((value) => ({ value, label: t(`kind.${value}`) })) },
  ];
  const [search] = useSearchParams();
  const wanted = { ...of(search, "state"), ...of(search, "kind") };
  return (
    <ListPage
      title="page.changes"
      lead={t("list.changes.lead")}
      of={`changes of ${workspace}`}
      read={(query) => client.listChanges({ query: { workspace, ...query } as never })}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      filters={filters}
      live={(items) => withTold(items, live.changes, wanted)}
      empty={{
        icon: "change",
        title: "change.none",
        hint: "change.none.hint",
        command: "evenkeel deploy examples/hello/1.0.0",
      }}
      actions={
        <LinkButton look="primary" icon="plus" needs="release-order:create" href={`/w/${workspace}/release`}>
          {t("page.release")}
        </LinkButton>
      }
    />
  );
}

function of(search: URLSearchParams, name: "state" | "kind"): Partial<Record<typeof name, string>> {
  const value = search.get(name);
  return value === null || value === "" ? {} : { [name]: value };
}
