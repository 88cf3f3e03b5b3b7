import type { Base, BaseCluster } from "@evenkeel/contracts/base-cluster";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { Link, useSearchParams } from "wouter";
import { Button } from "../kit/button.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Empty, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { PageHead } from "../shell/page.tsx";
import { BaseBadge } from "./base-badge.tsx";
import { driftText } from "./drift.ts";
import { type Hosting, useHosting } from "./read.ts";
import { moduleNames, toneOf } from "./standing.ts";
import "./module.css";

/** Which version of which module stands on which base. */
export function PlacementPage({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const hosting = useHosting(workspace);
  return (
    <>
      <PageHead title={t("page.placement")} lead={t("placement.lead")}>
        {hosting.isSuccess && <ClusterFilter clusters={hosting.data.clusters} />}
        <Button look="quiet" icon="refresh" onClick={() => void hosting.refetch()} disabled={hosting.isFetching}>
          {t("common.refresh")}
        </Button>
      </PageHead>
      {hosting.isError && <ErrorNotice error={hosting.error} />}
      {hosting.isPending && <Skeleton lines={8} />}
      {hosting.isSuccess &&
        (hosting.data.bases.length === 0 ? <NoBases /> : <PlacementMap workspace={workspace} hosting={hosting.data} />)}
    </>
  );
}

function NoBases() {
  const { t } = useWords();
  return (
    <Card>
      <Empty icon="module" title={t("base.none")}>
        <p>{t("base.none.hint")}</p>
        <code className="mono">evenkeel base-cluster create front</code>
      </Empty>
    </Card>
  );
}

function ClusterFilter({ clusters }: Pick<Hosting, "clusters">) {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  return (
    <label className="row tight">
      <span className="faint nowrap">{t("module.cluster")}</span>
      <select
        className="input placement-filter"
        value={search.get("cluster") ?? ""}
        onChange={(event) =>
          setSearch(event.target.value === "" ? {} : { cluster: event.target.value }, { replace: true })
        }
      >
        <option value="">{t("common.all")}</option>
        {clusters.map(({ id, name }) => (
          <option key={id}>{name}</option>
        ))}
      </select>
    </label>
  );
}

type Row =
  | { readonly kind: "cluster"; readonly cluster: BaseCluster | null; readonly count: number }
  | { readonly kind: "base"; readonly base: Base };

const ROW = 40;

/** Clusters in their order, buffers after them, and bases without a cluster last. */
function rowsOf({ clusters, bases }: Hosting, only: string): Row[] {
  const ordered = [...clusters.filter(({ buffer }) => !buffer), ...clusters.filter(({ buffer }) => buffer)];
  const groups = [...ordered, null].filter((cluster) => only === "" || cluster?.name === only);
  return groups.flatMap((cluster): Row[] => {
    const its = bases.filter((base) => base.cluster === (cluster?.name ?? null));
    if (cluster === null && its.length === 0) return [];
    const sorted = its.toSorted((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
    return [{ kind: "cluster", cluster, count: its.length }, ...sorted.map((base): Row => ({ kind: "base", base }))];
  });
}

function PlacementMap({ workspace, hosting }: { readonly workspace: string; readonly hosting: Hosting }) {
  const { t } = useWords();
  const [search] = useSearchParams();
  const only = search.get("cluster") ?? "";
  const rows = useMemo(() => rowsOf(hosting, only), [hosting, only]);
  const modules = useMemo(() => moduleNames([], hosting), [hosting]);
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const columns = { gridTemplateColumns: `260px repeat(${Math.max(1, modules.length)}, minmax(150px, 1fr))` };
  return (
    <div className="stack">
      <Legend />
      <Card flush label={t("page.placement")}>
        {/* biome-ignore lint/a11y/useSemanticElements: a table element cannot leave out the rows that are out of sight */}
        <div
          className="placement"
          ref={frame}
          role="table"
          aria-label={t("page.placement")}
          aria-rowcount={rows.length + 1}
        >
          <Head workspace={workspace} modules={modules} style={columns} />
          {/* biome-ignore lint/a11y/useSemanticElements: as above */}
          <div role="rowgroup" style={{ position: "relative", height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map(({ index, start }) => {
              const row = rows[index];
              if (row === undefined) return null;
              const place = { ...columns, position: "absolute" as const, top: start, height: ROW, width: "100%" };
              return row.kind === "cluster" ? (
                <ClusterRow key={`cluster ${row.cluster?.id ?? ""}`} row={row} modules={modules} style={place} />
              ) : (
                <BaseRow key={row.base.id} base={row.base} modules={modules} style={place} />
              );
            })}
          </div>
        </div>
      </Card>
    </div>
  );
}

function Head({ workspace, modules, style }: RowProps & { readonly workspace: string }) {
  const { t } = useWords();
  return (
    // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: of the table above
    <div className="placement-row placement-head" role="row" style={style}>
      <Cell head className="placement-base">
        {t("module.base")}
      </Cell>
      {modules.map((module) => (
        <Cell head key={module}>
          <Link className="link" href={`/w/${workspace}/modules/${module}`}>
            {module}
          </Link>
        </Cell>
      ))}
    </div>
  );
}

interface CellProps {
  readonly children?: React.ReactNode;
  readonly head?: boolean;
  readonly className?: string;
}

function Cell({ children, head = false, className }: CellProps) {
  return (
    <div role={head ? "columnheader" : "cell"} className={className}>
      {children}
    </div>
  );
}

interface RowProps {
  readonly modules: readonly string[];
  readonly style: React.CSSProperties;
}

function ClusterRow({
  row: { cluster, count },
  modules,
  style,
}: RowProps & { readonly row: Extract<Row, { kind: "cluster" }> }) {
  const { t } = useWords();
  const placed = new Map(cluster?.placements.map(({ module, versions }) => [module as string, versions]));
  return (
    // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: of the table above
    <div className="placement-row placement-cluster" role="row" style={style}>
      <Cell className="placement-base">
        <strong>{cluster?.name ?? t("module.no.cluster")}</strong>
        {cluster?.buffer && <Badge tone="idle">{t("module.buffer")}</Badge>}
        <span className="faint number">{t("base.count", { count })}</span>
      </Cell>
      {modules.map((module) => (
        <Cell key={module}>
          <span className="faint mono">
            {placed
              .get(module)
              ?.map(({ version }) => version)
              .join(", ")}
          </span>
        </Cell>
      ))}
    </div>
  );
}

function BaseRow({ base, modules, style }: RowProps & { readonly base: Base }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: of the table above
    <div className="placement-row" role="row" style={style}>
      <Cell className="placement-base">
        <span className="grow cut" title={base.name}>
          {base.name}
        </span>
        <BaseBadge state={base.state} />
      </Cell>
      {modules.map((module) => (
        <Cell key={module}>
          <Chips base={base} module={module} />
        </Cell>
      ))}
    </div>
  );
}

/** What stands there, and what should but does not. */
function Chips({ base, module }: { readonly base: Base; readonly module: string }) {
  const words = useWords();
  const { t, said } = words;
  const drift = base.drift.find((one) => one.module === module);
  return (
    <>
      {base.modules
        .filter(({ name }) => name === module)
        .map((report) => (
          <span
            key={report.version}
            className={`chip tone-${toneOf(report)}${report.published ? " published" : ""}`}
            title={report.problem ? sentenceOf(report.problem, words).title : t(`module.is.${report.state}`)}
          >
            {report.version}
            <span className="hidden-text">
              {t(`module.is.${report.state}`)}
              {report.published && `, ${t("module.is.published")}`}
            </span>
          </span>
        ))}
      {drift !== undefined && (
        <span className="chip wanted tone-warn" title={driftText(words, drift)}>
          {said(drift.wanted, "drift")}
        </span>
      )}
    </>
  );
}

function Legend() {
  const { t } = useWords();
  return (
    <p className="chip-legend faint">
      <span>
        <span className="chip published tone-good" aria-hidden="true" /> {t("placement.published")}
      </span>
      <span>
        <span className="chip tone-good" aria-hidden="true">
          {" "}
        </span>{" "}
        {t("placement.active")}
      </span>
      <span>
        <span className="chip tone-bad" aria-hidden="true">
          {" "}
        </span>{" "}
        {t("placement.broken")}
      </span>
      <span>
        <span className="chip wanted tone-warn" aria-hidden="true">
          {" "}
        </span>{" "}
        {t("placement.drift")}
      </span>
    </p>
  );
}
