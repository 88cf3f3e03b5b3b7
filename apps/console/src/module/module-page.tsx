import type { BaseCluster } from "@evenkeel/contracts/base-cluster";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import { type ReactNode, useState } from "react";
import { Button } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Empty, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { bytes } from "../list/bytes.ts";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { ModuleCharts } from "./charts.tsx";
import { OperateModule, ReleaseModule, ScaleModule } from "./dialogs.tsx";
import { tagText } from "./fields.tsx";
import { type Hosting, useHosting, useModules } from "./read.ts";
import { actionsOf, newerFirst, type Stand, type StandAction, standsOf } from "./standing.ts";
import "../change/change.css";
import "./module.css";

type Asked =
  | { readonly what: "release"; readonly version: string; readonly cluster: string }
  | { readonly what: "scale" }
  | { readonly what: StandAction; readonly stand: Stand };

/** A module: where it stands, what it does, its versions, what it answers to. Give it the name as its key. */
export function ModulePage({ workspace, name }: { readonly workspace: string; readonly name: string }) {
  const hosting = useHosting(workspace);
  const bundles = useModules(name);
  const error = hosting.error ?? bundles.error;
  if (error !== null) return <ErrorNotice error={error} />;
  if (!hosting.isSuccess || !bundles.isSuccess) return <Skeleton lines={6} />;
  return <Loaded {...{ workspace, name }} hosting={hosting.data} bundles={bundles.data.toSorted(newerFirst)} />;
}

interface LoadedProps {
  readonly workspace: string;
  readonly name: string;
  readonly hosting: Hosting;
  readonly bundles: readonly ModuleBundle[];
}

function Loaded({ workspace, name, hosting, bundles }: LoadedProps) {
  const { t } = useWords();
  const [asked, setAsked] = useState<Asked | null>(null);
  const stands = standsOf(hosting.bases, name);
  const [newest] = bundles;
  const placed = hosting.clusters.filter(
    ({ buffer, placements }) => !buffer && placements.some(({ module }) => module === name),
  );
  if (newest === undefined && stands.length === 0) {
    return (
      <Empty icon="module" title={t("error.missing")}>
        <p>{t("module.none.hint")}</p>
      </Empty>
    );
  }
  const release = (version: string) => setAsked({ what: "release", version, cluster: placed[0]?.name ?? "" });
  return (
    <>
      <PageHead title={name} lead={newest && `${t(`module.form.${newest.manifest.form}`)} · ${newest.version}`}>
        <Button
          needs="module-operation:create"
          disabled={placed.length === 0}
          onClick={() => setAsked({ what: "scale" })}
        >
          {t("module.scale")}
        </Button>
        <Button
          look="primary"
          icon="plus"
          needs="module-release:create"
          disabled={newest === undefined || hosting.clusters.length === 0}
          onClick={() => release(newest?.version ?? "")}
        >
          {t("module.release")}
        </Button>
      </PageHead>
      <div className="change-board">
        <div className="stack">
          <Stands stands={stands} onAct={(what, stand) => setAsked({ what, stand })} />
          <ModuleCharts workspace={workspace} module={name} />
        </div>
        <div className="stack">
          <Versions bundles={bundles} onRelease={hosting.clusters.length === 0 ? null : release} />
          {newest !== undefined && <Interface bundle={newest} />}
        </div>
      </div>
      {asked !== null && (
        <Ask
          {...{ workspace, asked, stands }}
          module={name}
          clusters={placed.length > 0 && asked.what === "scale" ? placed : hosting.clusters}
          versions={bundles.map(({ version }) => version)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

interface AskProps {
  readonly workspace: string;
  readonly module: string;
  readonly asked: Asked;
  readonly stands: readonly Stand[];
  readonly clusters: readonly BaseCluster[];
  readonly versions: readonly string[];
  readonly onClose: () => void;
}

function Ask({ asked, stands, versions, ...common }: AskProps) {
  const [first] = common.clusters;
  if (asked.what === "release") return <ReleaseModule {...common} {...asked} versions={versions} />;
  if (asked.what === "scale") {
    const cluster = first?.name ?? "";
    const bases = Math.max(0, ...stands.filter((stand) => stand.cluster === cluster).map((stand) => stand.bases));
    return <ScaleModule {...common} cluster={cluster} bases={bases} />;
  }
  const { cluster, version } = asked.stand;
  return <OperateModule {...common} cluster={cluster} version={version} action={asked.what} />;
}

interface StandsProps {
  readonly stands: readonly Stand[];
  readonly onAct: (action: StandAction, stand: Stand) => void;
}

function Stands({ stands, onAct }: StandsProps) {
  const { t } = useWords();
  return (
    <Card flush title={t("module.stands")}>
      {stands.length === 0 ? (
        <p className="card-body soft">{t("module.nowhere")}</p>
      ) : (
        <TableFrame label={t("module.stands")}>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{t("module.cluster")}</th>
                <th scope="col">{t("common.version")}</th>
                <th scope="col">{t("common.state")}</th>
                <th scope="col">{t("module.tags")}</th>
                <th scope="col">{t("module.actions")}</th>
              </tr>
            </thead>
            <tbody>
              {stands.map((stand) => (
                <tr key={`${stand.cluster} ${stand.version}`}>
                  <td>{stand.cluster === "" ? t("module.no.cluster") : stand.cluster}</td>
                  <td className="mono">{stand.version}</td>
                  <td>
                    <StandBadge stand={stand} />
                  </td>
                  <td className="mono">{tagText(stand.tags) || "–"}</td>
                  <td>{stand.cluster !== "" && <StandActions stand={stand} onAct={onAct} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
    </Card>
  );
}

function StandBadge({ stand: { bases, active, published, broken } }: { readonly stand: Stand }) {
  const { t } = useWords();
  if (broken > 0) return <Badge tone="bad">{t("module.state.broken", { count: broken, bases })}</Badge>;
  if (published > 0) return <Badge tone="good">{t("module.state.published", { count: published, bases })}</Badge>;
  return (
    <Badge tone="idle">
      {t(active > 0 ? "module.state.active" : "module.state.resolved", { count: active, bases })}
    </Badge>
  );
}

function StandActions({ stand, onAct }: { readonly stand: Stand; readonly onAct: StandsProps["onAct"] }) {
  const { t } = useWords();
  return (
    <span className="row tight wrap">
      {actionsOf(stand).map((action) => (
        <Button
          small
          key={action}
          needs="module-operation:create"
          {...(action === "uninstall" ? { look: "danger" as const } : {})}
          onClick={() => onAct(action, stand)}
        >
          {t(`module.${action}`)}
        </Button>
      ))}
    </span>
  );
}

interface VersionsProps {
  readonly bundles: readonly ModuleBundle[];
  readonly onRelease: ((version: string) => void) | null;
}

function Versions({ bundles, onRelease }: VersionsProps) {
  const { t } = useWords();
  return (
    <Card flush title={t("module.versions")}>
      {bundles.length === 0 && <p className="card-body soft">{t("module.versions.none")}</p>}
      <ul className="module-versions">
        {bundles.map(({ id, version, sizeBytes, uploadedBy, uploadedAt }) => (
          <li key={id} className="row">
            <span className="grow stack">
              <strong className="mono">{version}</strong>
              <span className="faint">
                {bytes(sizeBytes)} · {uploadedBy} · <Ago at={uploadedAt} />
              </span>
            </span>
            {onRelease !== null && (
              <Button
                small
                needs="module-release:create"
                aria-label={t("module.release.of", { module: version })}
                onClick={() => onRelease(version)}
              >
                {t("module.release")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What the newest version answers to and what it needs. */
function Interface({ bundle: { manifest } }: { readonly bundle: ModuleBundle }) {
  const { t } = useWords();
  const { provides, needs, isolation, tags } = manifest;
  const rows: [string, ReactNode][] = [
    [t("module.isolation"), t(`module.isolation.${isolation}`)],
    [t("module.kind.service"), provides.services.join(", ")],
    [t("module.kind.route"), provides.routes.map(({ path }) => path).join(", ")],
    [t("module.kind.event"), provides.events.join(", ")],
    [t("module.kind.component"), provides.components.map(({ point }) => point).join(", ")],
    [t("module.jobs"), provides.jobs.map(({ name, everySeconds }) => `${name} (${everySeconds} s)`).join(", ")],
    [
      t("module.needs.services"),
      Object.entries(needs.services)
        .map(([name, { version }]) => `${name} ${version}`)
        .join(", "),
    ],
    [
      t("module.needs.libraries"),
      Object.entries(needs.libraries)
        .map(([name, range]) => `${name} ${range}`)
        .join(", "),
    ],
    [t("module.tags"), tagText(tags)],
  ];
  return (
    <Card title={t("module.interface")}>
      <dl className="pairs">
        {rows
          .filter(([, value]) => value !== "")
          .map(([name, value]) => (
            <div key={name} className="pair">
              <dt>{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
      </dl>
    </Card>
  );
}
