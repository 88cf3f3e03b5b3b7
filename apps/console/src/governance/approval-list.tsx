import type { AwaitedApproval } from "@evenkeel/contracts/approval";
import { Link, useSearchParams } from "wouter";
import { client } from "../connection.ts";
import { Ago } from "../kit/clock.tsx";
import { Segments } from "../kit/field.tsx";
import { Said } from "../kit/said.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";

const COLUMNS: readonly Column<AwaitedApproval>[] = [
  {
    name: "list.title",
    show: ({ changeId, title }) => (
      <Link className="link" href={`/changes/${changeId}`}>
        <Said text={title} />
      </Link>
    ),
  },
  { name: "shell.workspace", show: ({ workspace }) => workspace },
  { name: "common.by", show: ({ createdBy }) => createdBy },
  { name: "approval.lacks", show: ({ open }) => open.map((one) => <Lacks key={one.rule} open={one} />) },
  { name: "common.since", show: ({ since }) => <Ago at={since} /> },
];

function Lacks({
  open: { rule, count, approvedBy, groups, principals },
}: {
  readonly open: AwaitedApproval["open"][number];
}) {
  const { t } = useWords();
  return (
    <div>
      <strong>{rule}</strong>{" "}
      <span className="soft">
        {t("approval.count", { given: approvedBy.length, count, who: [...groups, ...principals].join(", ") })}
      </span>
    </div>
  );
}

export function ApprovalList() {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  const of = search.get("of") === "all" ? "all" : "me";
  return (
    <ListPage
      title="page.approvals"
      lead={t("approval.lead")}
      of={`approvals of ${of}`}
      read={(query) => client.listApprovals({ query: { of, ...query } })}
      columns={COLUMNS}
      keyOf={({ changeId }) => changeId}
      empty={{ icon: "approval", title: "approval.none", hint: "approval.hint" }}
      actions={
        <Segments
          label={t("common.filter")}
          value={of}
          options={[
            { value: "me", label: t("approval.mine") },
            { value: "all", label: t("common.all") },
          ]}
          onChange={(value) => setSearch(value === "me" ? {} : { of: value })}
        />
      }
    />
  );
}
