import type { AdmissionRule } from "@evenkeel/contracts/admission";
import { client } from "../connection.ts";
import { Ago } from "../kit/clock.tsx";
import { Badge } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";
import { ScopeText } from "./scope.tsx";

const COLUMNS: readonly Column<AdmissionRule>[] = [
  { name: "common.name", show: ({ name }) => <strong>{name}</strong> },
  { name: "admission.asks", show: ({ criterion }) => <Asks criterion={criterion} /> },
  { name: "admission.scope", show: ({ scope }) => <ScopeText scope={scope} /> },
  { name: "admission.emergency", show: ({ waivedInEmergency }) => <Waived on={waivedInEmergency} /> },
  { name: "common.created", show: ({ createdAt }) => <Ago at={createdAt} /> },
];

function Asks({ criterion }: { readonly criterion: AdmissionRule["criterion"] }) {
  const { t } = useWords();
  if (criterion.kind === "rollback-target") return t("admission.rollback-target");
  return t("admission.succeeded-in", { workspace: criterion.workspace });
}

function Waived({ on }: { readonly on: boolean }) {
  const { t } = useWords();
  return <Badge tone={on ? "warn" : "good"}>{t(on ? "admission.waived" : "admission.holds")}</Badge>;
}

/** What must be true of a change before it may begin. */
export function AdmissionList() {
  const { t } = useWords();
  return (
    <ListPage
      title="page.admissions"
      lead={t("admission.lead")}
      of="admission rules"
      read={(query) => client.listAdmissionRules({ query })}
      columns={COLUMNS}
      keyOf={({ name }) => name}
      empty={{
        icon: "approval",
        title: "admission.none",
        hint: "admission.hint",
        command: "evenkeel admission-rule set tested --succeeded-in test",
      }}
    />
  );
}
