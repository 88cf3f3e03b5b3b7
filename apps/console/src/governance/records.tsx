import type { AuditEntry, Token } from "@evenkeel/contracts/principal";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { AskFirst } from "../kit/ask-first.tsx";
import { Button } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { Badge } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";

function Moment({ at }: { readonly at: string }) {
  const { moment } = useWords();
  return (
    <time dateTime={at} className="number">
      {moment(at)}
    </time>
  );
}

function Outcome({ outcome, code }: Pick<AuditEntry, "outcome" | "code">) {
  const { t } = useWords();
  return (
    <span className="row tight">
      <Badge tone={outcome === "done" ? "good" : "bad"}>{t(`audit.${outcome}`)}</Badge>
      {code !== null && <span className="mono faint">{code}</span>}
    </span>
  );
}

const AUDIT: readonly Column<AuditEntry>[] = [
  { name: "history.at", show: ({ at }) => <Moment at={at} /> },
  { name: "common.by", show: ({ principal }) => <strong>{principal}</strong> },
  { name: "audit.action", show: ({ action }) => <span className="mono">{action}</span> },
  { name: "audit.resource", show: ({ resource }) => <span className="mono">{resource}</span> },
  { name: "audit.outcome", show: (entry) => <Outcome {...entry} /> },
  { name: "common.address", show: ({ address }) => <span className="mono faint">{address}</span> },
];

export function AuditList() {
  const { t } = useWords();
  return (
    <ListPage
      title="page.audit"
      lead={t("audit.lead")}
      of="audit"
      read={(query) => client.listAudit({ query: query as never })}
      columns={AUDIT}
      keyOf={({ id }) => id}
      filters={[
        { name: "principal", label: "common.by" },
        { name: "action", label: "audit.action" },
        { name: "resource", label: "audit.resource" },
        {
          name: "outcome",
          label: "audit.outcome",
          options: (["done", "refused"] as const).map((value) => ({ value, label: t(`audit.${value}`) })),
        },
      ]}
      empty={{ icon: "audit", title: "audit.none", hint: "audit.hint" }}
    />
  );
}

function Ends({ expiresAt }: Pick<Token, "expiresAt">) {
  const { t } = useWords();
  return expiresAt === null ? t("token.never") : <Ago at={expiresAt} />;
}

function TokenKind({ kind }: Pick<Token, "kind">) {
  const { t } = useWords();
  return (
    <Badge plain tone={kind === "session" ? "busy" : "idle"}>
      {t(`token.${kind}`)}
    </Badge>
  );
}

const TOKENS: readonly Column<Token>[] = [
  { name: "token.principal", show: ({ principal }) => <strong>{principal}</strong> },
  { name: "token.kind", show: ({ kind }) => <TokenKind kind={kind} /> },
  { name: "token.may", show: ({ may }) => <span className="mono">{may.join(", ")}</span> },
  { name: "common.created", show: ({ createdAt }) => <Ago at={createdAt} /> },
  { name: "token.ends", show: ({ expiresAt }) => <Ends expiresAt={expiresAt} /> },
];

/** Who may act by which token, and who is logged in. */
export function TokenList() {
  const { t } = useWords();
  const known = useQueryClient();
  const [leaving, setLeaving] = useState<Token | null>(null);
  const columns: readonly Column<Token>[] = [
    ...TOKENS,
    {
      name: "token.revoke",
      show: (token) => (
        <Button small look="danger" needs="token:delete" onClick={() => setLeaving(token)}>
          {t("token.revoke")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <ListPage
        title="page.tokens"
        lead={t("token.lead")}
        of="tokens"
        read={(query) => client.listTokens({ query })}
        columns={columns}
        keyOf={({ id }) => id}
        empty={{ icon: "token", title: "token.none", hint: "token.hint", command: "evenkeel token create" }}
      />
      {leaving && (
        <AskFirst
          action={t("token.revoke")}
          act={() => client.revokeToken({ params: { tokenId: leaving.id } })}
          onDone={() => known.invalidateQueries({ queryKey: ["list", "tokens"] })}
          onClose={() => setLeaving(null)}
        >
          {t(leaving.kind === "session" ? "token.revoke.session" : "token.revoke.will", { who: leaving.principal })}
        </AskFirst>
      )}
    </>
  );
}
