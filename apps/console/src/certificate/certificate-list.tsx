import type { Certificate } from "@evenkeel/contracts/certificate";
import { useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { useNow } from "../kit/clock.tsx";
import { Badge } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";
import { DeleteCertificate, PutCertificate } from "./certificate-dialog.tsx";
import { toneOf, wholeDays } from "./expiry.ts";
import "./certificate.css";

const COLUMNS: readonly Column<Certificate>[] = [
  { name: "common.name", show: ({ name }) => <strong>{name}</strong> },
  { name: "certificate.hosts", show: (certificate) => <Hosts {...certificate} /> },
  { name: "certificate.ends", show: ({ endsAt }) => <Ends at={endsAt} /> },
  { name: "certificate.issuer", show: ({ issuer }) => <Issuer issuer={issuer} /> },
  {
    name: "certificate.fingerprint",
    show: ({ fingerprint }) => (
      <span className="mono faint" title={fingerprint}>
        {fingerprint.slice(0, 23)}…
      </span>
    ),
  },
];

function Hosts({ hosts, fallback }: Pick<Certificate, "hosts" | "fallback">) {
  const { t } = useWords();
  return (
    <span className="row tight wrap certificate-hosts">
      {hosts.map((host) => (
        <span key={host} className="mono">
          {host}
        </span>
      ))}
      {fallback && (
        <Badge plain tone="busy">
          {t("certificate.fallback")}
        </Badge>
      )}
    </span>
  );
}

function Ends({ at }: { readonly at: string }) {
  const { t, moment } = useWords();
  const days = wholeDays(at, useNow(60_000));
  return (
    <time dateTime={at} title={moment(at)}>
      <Badge tone={toneOf(days)}>{days < 0 ? t("certificate.over") : t("certificate.left", { days })}</Badge>
    </time>
  );
}

/** Its common name says most of it. */
function Issuer({ issuer }: Pick<Certificate, "issuer">) {
  return (
    <span className="cut certificate-issuer" title={issuer}>
      {/(?:^|, )CN=([^,]+)/.exec(issuer)?.[1] ?? issuer}
    </span>
  );
}

type Asked = { readonly what: "new" } | { readonly what: "renew" | "delete"; readonly certificate: Certificate };

/** What gateways serve TLS by: for which hosts, and for how long still. */
export function CertificateList({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const actions: Column<Certificate> = {
    name: "module.actions",
    show: (certificate) => (
      <span className="row tight">
        <Button small needs="certificate:update" onClick={() => setAsked({ what: "renew", certificate })}>
          {t("certificate.renew")}
        </Button>
        <Button
          small
          look="danger"
          needs="certificate:delete"
          onClick={() => setAsked({ what: "delete", certificate })}
        >
          {t("certificate.delete")}
        </Button>
      </span>
    ),
  };
  return (
    <>
      <ListPage
        title="page.certificates"
        lead={t("certificate.lead")}
        of={`certificates of ${workspace}`}
        read={(query) => client.listCertificates({ query: { ...query, workspace } as never })}
        columns={[...COLUMNS, actions]}
        keyOf={({ name }) => name}
        live={(items) => items.toSorted((one, other) => one.endsAt.localeCompare(other.endsAt))}
        empty={{
          icon: "certificate",
          title: "certificate.none",
          hint: "certificate.none.hint",
          command: "evenkeel certificate put shop --chain fullchain.pem --key privkey.pem",
        }}
        actions={
          <Button look="primary" icon="plus" needs="certificate:update" onClick={() => setAsked({ what: "new" })}>
            {t("certificate.new")}
          </Button>
        }
      />
      {asked?.what === "new" && <PutCertificate workspace={workspace} known={null} onClose={close} />}
      {asked?.what === "renew" && <PutCertificate workspace={workspace} known={asked.certificate} onClose={close} />}
      {asked?.what === "delete" && <DeleteCertificate certificate={asked.certificate} onClose={close} />}
    </>
  );
}
