import { DRIVER_LIMITS, type Driver } from "@evenkeel/contracts/driver-limits";
import type { Gateway } from "@evenkeel/contracts/gateway-protocol";
import { client } from "../connection.ts";
import { Badge, Card, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { type Column, ListPage } from "./list-page.tsx";

const TONES: Readonly<Record<Gateway["state"], Tone>> = { joining: "busy", online: "good", offline: "bad" };

const GATEWAYS: readonly Column<Gateway>[] = [
  { name: "common.name", show: ({ name }) => <strong>{name}</strong> },
  { name: "common.state", show: ({ state }) => <GatewayBadge state={state} /> },
  { name: "gateway.driver", show: ({ driver }) => <span className="mono">{driver ?? "–"}</span> },
  { name: "common.address", show: ({ url }) => <span className="mono">{url ?? "–"}</span> },
  { name: "gateway.tls", show: ({ tlsPort }) => <TlsDoor port={tlsPort} /> },
  {
    name: "gateway.table",
    show: ({ ackedVersion, tableVersion }) => <span className="number">{`${ackedVersion} / ${tableVersion}`}</span>,
  },
];

function GatewayBadge({ state }: Pick<Gateway, "state">) {
  const { t } = useWords();
  return <Badge tone={TONES[state]}>{t(`host.${state}`)}</Badge>;
}

/** 0 = it does not listen for TLS, null = it has not told. */
function TlsDoor({ port }: { readonly port: number | null }) {
  const { t } = useWords();
  if (port === null) return <span className="faint">{t("gateway.tls.unknown")}</span>;
  if (port === 0) return <span className="faint">{t("gateway.tls.off")}</span>;
  return <span className="number">{port}</span>;
}

/** Where requests come in, over which driver, and what that one does otherwise. */
export function GatewayList({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  return (
    <ListPage
      title="page.gateways"
      lead={t("list.gateways.lead")}
      of={`gateways of ${workspace}`}
      read={(query) => client.listGateways({ query: { workspace, ...query } })}
      columns={GATEWAYS}
      keyOf={({ id }) => id}
      empty={{ icon: "gateway", title: "list.gateways.none", hint: "list.gateways.hint" }}
      below={(gateways) => driversOf(gateways).map((driver) => <Limits key={driver} driver={driver} />)}
    />
  );
}

const driversOf = (gateways: readonly Gateway[]): Driver[] =>
  [...new Set(gateways.flatMap(({ driver }) => driver ?? []))].sort();

/** The rows of the conformance table that this driver does not pass. */
function Limits({ driver }: { readonly driver: Driver }) {
  const { t } = useWords();
  const limits = DRIVER_LIMITS[driver];
  return (
    <Card title={t("gateway.limits", { driver })}>
      {limits.length === 0 ? (
        <p className="soft">{t("gateway.limits.none")}</p>
      ) : (
        <div className="stack tight">
          <p className="soft">{t("gateway.limits.hint")}</p>
          <ul>
            {limits.map(({ limit, adr }) => (
              <li key={limit}>
                {t(`gateway.limit.${limit}`)} <span className="faint">ADR {adr}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}
