import type { Host, HostState } from "@evenkeel/contracts/host";
import type { Route, Service } from "@evenkeel/contracts/service";
import { Link } from "wouter";
import { client } from "../connection.ts";
import { Ago } from "../kit/clock.tsx";
import { Badge, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { Shares } from "../traffic/share-picture.tsx";
import { bytes } from "./bytes.ts";
import { type Column, ListPage } from "./list-page.tsx";

type Here = { readonly workspace: string };

const TONES: Readonly<Record<HostState, Tone>> = {
  joining: "busy",
  online: "good",
  offline: "bad",
  "journal-lost": "warn",
  duplicate: "warn",
};

export function HostBadge({ state }: { readonly state: HostState }) {
  const { t } = useWords();
  return <Badge tone={TONES[state]}>{t(`host.${state}`)}</Badge>;
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

const HOSTS: readonly Column<Host>[] = [
  {
    name: "common.name",
    show: ({ id, name }) => (
      <Link className="link" href={`/hosts/${id}`}>
        {name}
      </Link>
    ),
  },
  { name: "common.state", show: ({ state }) => <HostBadge state={state} /> },
  { name: "common.zone", show: ({ zone, cell }) => (cell === null ? zone : `${zone} · ${cell}`) },
  { name: "common.address", show: ({ address }) => <span className="mono">{address}</span> },
  { name: "host.cpu", show: ({ facts }) => <Used share={facts?.cpuBusy ?? null} /> },
  {
    name: "host.memory",
    show: ({ facts }) => (
      <Used share={facts && 1 - facts.memoryAvailableBytes / facts.memoryTotalBytes} of={facts?.memoryTotalBytes} />
    ),
  },
  {
    name: "host.disk",
    show: ({ facts }) => (
      <Used share={facts && 1 - facts.diskFreeBytes / facts.diskTotalBytes} of={facts?.diskTotalBytes} />
    ),
  },
  {
    name: "host.skew",
    show: ({ clockSkewMs }) => (
      <span className="number">{clockSkewMs === null ? "–" : `${Math.round(clockSkewMs)} ms`}</span>
    ),
  },
  { name: "common.since", show: ({ stateSince }) => <Ago at={stateSince} /> },
];

/** A share of a whole; from nine tenths on somebody should look. */
function Used({ share, of }: { readonly share: number | null; readonly of?: number | undefined }) {
  if (share === null) return <span className="faint">–</span>;
  return (
    <span className="used number" title={of === undefined ? undefined : bytes(of)}>
      <span className={`bar tone-${share > 0.9 ? "bad" : share > 0.75 ? "warn" : "good"}`} aria-hidden="true">
        <span style={{ width: `${100 * share}%` }} />
      </span>
      {percent(share)}
    </span>
  );
}

export function HostList({ workspace }: Here) {
  const { t } = useWords();
  return (
    <ListPage
      title="page.hosts"
      lead={t("list.hosts.lead")}
      of={`hosts of ${workspace}`}
      read={(query) => client.listHosts({ query: { workspace, ...query } })}
      columns={HOSTS}
      keyOf={({ id }) => id}
      filters={[{ name: "name", label: "common.name" }]}
      empty={{
        icon: "host",
        title: "list.hosts.none",
        hint: "list.hosts.hint",
        command: "evenkeel host token --zone a",
      }}
    />
  );
}

const ROUTES: readonly Column<Route>[] = [
  { name: "list.host", show: ({ host }) => <span className="mono">{host}</span> },
  { name: "list.path", show: ({ path }) => <span className="mono">{path}</span> },
  {
    name: "chart.service",
    show: ({ serviceId, service }) => (
      <Link className="link" href={`/services/${serviceId}`}>
        {service}
      </Link>
    ),
  },
  { name: "common.created", show: ({ createdAt }) => <Ago at={createdAt} /> },
];

export function RouteList({ workspace }: Here) {
  const { t } = useWords();
  return (
    <ListPage
      title="page.routes"
      lead={t("list.routes.lead")}
      of={`routes of ${workspace}`}
      read={(query) => client.listRoutes({ query: { workspace, ...query } })}
      columns={ROUTES}
      keyOf={({ id }) => id}
      empty={{ icon: "route", title: "list.routes.none", hint: "list.routes.hint" }}
      above={() => <Shares workspace={workspace} />}
    />
  );
}

const SERVICES: readonly Column<Service>[] = [
  {
    name: "common.name",
    show: ({ id, name }) => (
      <Link className="link" href={`/services/${id}`}>
        {name}
      </Link>
    ),
  },
  { name: "list.application", show: ({ application }) => application },
  { name: "common.version", show: ({ revision }) => <span className="mono">{revision?.packageVersion ?? "–"}</span> },
  {
    name: "page.buildpacks",
    show: ({ revision, definition }) => (
      <span className="mono">
        {revision === null ? definition.buildpack : `${revision.buildpack.name}@${revision.buildpack.version}`}
      </span>
    ),
  },
  {
    name: "page.routes",
    show: ({ definition }) => (
      <span className="mono">
        {definition.routes.map(({ host, path }) => `${host}${path === "/" ? "" : path}`).join(", ") || "–"}
      </span>
    ),
  },
];

export function ServiceList({ workspace }: Here) {
  const { t } = useWords();
  return (
    <ListPage
      title="page.services"
      lead={t("list.services.lead")}
      of={`services of ${workspace}`}
      read={(query) => client.listServices({ query: { workspace, ...query } })}
      columns={SERVICES}
      keyOf={({ id }) => id}
      filters={[
        { name: "application", label: "list.application" },
        { name: "name", label: "common.name" },
      ]}
      empty={{
        icon: "service",
        title: "home.running.none",
        hint: "home.running.none.hint",
        command: "evenkeel deploy examples/hello/1.0.0",
      }}
    />
  );
}
