import type { ModuleReading } from "@evenkeel/contracts/module-statistics";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Empty, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { tagText } from "./fields.tsx";
import { type Hosting, useHosting, useModules } from "./read.ts";
import { moduleNames, newerFirst, publicationsOf, standsOf } from "./standing.ts";
import "./module.css";

const VIEWS = ["modules", "services"] as const;

/** Modules of a workspace with what they do now, or what they answer to. */
export function ModuleList({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  const view = VIEWS.find((each) => each === search.get("view")) ?? "modules";
  const hosting = useHosting(workspace);
  return (
    <>
      <PageHead title={t("page.modules")} lead={t("module.lead")}>
        <Segments
          label={t("module.view")}
          value={view}
          options={VIEWS.map((value) => ({ value, label: t(`module.view.${value}`) }))}
          onChange={(next) => setSearch(next === "modules" ? {} : { view: next })}
        />
        <Button look="quiet" icon="refresh" onClick={() => void hosting.refetch()} disabled={hosting.isFetching}>
          {t("common.refresh")}
        </Button>
      </PageHead>
      {hosting.isError && <ErrorNotice error={hosting.error} />}
      {hosting.isPending && <Skeleton lines={6} />}
      {hosting.isSuccess &&
        (view === "modules" ? (
          <Modules workspace={workspace} hosting={hosting.data} />
        ) : (
          <Services workspace={workspace} hosting={hosting.data} />
        ))}
    </>
  );
}

interface ViewProps {
  readonly workspace: string;
  readonly hosting: Hosting;
}

function Modules({ workspace, hosting }: ViewProps) {
  const { t } = useWords();
  const bundles = useModules();
  const readings = useQuery({
    queryKey: ["module readings", workspace],
    queryFn: () => client.listModuleReadings({ query: { workspace, limit: 5000 } as never }),
  });
  if (bundles.isError) return <ErrorNotice error={bundles.error} />;
  if (!bundles.isSuccess) return <Skeleton lines={6} />;
  const names = moduleNames(bundles.data, hosting);
  if (names.length === 0) {
    return (
      <Card>
        <Empty icon="module" title={t("module.none")}>
          <p>{t("module.none.hint")}</p>
          <code className="mono">evenkeel module release dist/prices-1.0.0.jar --cluster front</code>
        </Empty>
      </Card>
    );
  }
  return (
    <Card flush label={t("page.modules")}>
      <TableFrame label={t("page.modules")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("common.name")}</th>
              <th scope="col">{t("module.newest")}</th>
              <th scope="col">{t("module.form")}</th>
              <th scope="col">{t("module.stands")}</th>
              <th scope="col">{t("chart.rate")}</th>
              <th scope="col">{t("module.errors")}</th>
              <th scope="col">{t("chart.p99")}</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => {
              const [newest] = bundles.data.filter((bundle) => bundle.name === name).toSorted(newerFirst);
              return (
                <tr key={name}>
                  <td>
                    <Link className="link" href={`/w/${workspace}/modules/${name}`}>
                      {name}
                    </Link>
                  </td>
                  <td className="mono">{newest?.version ?? "–"}</td>
                  <td>{newest === undefined ? "–" : t(`module.form.${newest.manifest.form}`)}</td>
                  <td>
                    <Where hosting={hosting} name={name} />
                  </td>
                  <Now readings={readings.data?.items.filter(({ module }) => module === name) ?? []} />
                </tr>
              );
            })}
          </tbody>
        </table>
      </TableFrame>
    </Card>
  );
}

function Where({ hosting, name }: { readonly hosting: Hosting; readonly name: string }) {
  const { t } = useWords();
  const stands = standsOf(hosting.bases, name);
  if (stands.length === 0) return <span className="faint">{t("module.nowhere")}</span>;
  return (
    <span className="row tight wrap">
      {stands.map(({ cluster, version, bases, published, broken }) => (
        <Badge key={`${cluster} ${version}`} tone={broken > 0 ? "bad" : published > 0 ? "good" : "idle"}>
          {`${cluster === "" ? t("module.no.cluster") : cluster} · ${version} · ${bases}`}
        </Badge>
      ))}
    </span>
  );
}

/** Over all bases: requests add up, of the latency the worst is told. */
function Now({ readings }: { readonly readings: readonly ModuleReading[] }) {
  const { number } = useWords();
  const asked = readings.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
  const failed = readings.reduce((sum, one) => sum + (one.requestsPerSecond * (one.errorPercent ?? 0)) / 100, 0);
  const p99 = Math.max(...readings.map(({ p99Ms }) => p99Ms ?? 0), 0);
  if (readings.length === 0) {
    return (
      <>
        <td className="faint">–</td>
        <td className="faint">–</td>
        <td className="faint">–</td>
      </>
    );
  }
  return (
    <>
      <td className="number">{number(asked)}</td>
      <td className="number">{asked === 0 ? "–" : `${number((100 * failed) / asked)} %`}</td>
      <td className="number">{p99 === 0 ? "–" : `${number(p99)} ms`}</td>
    </>
  );
}

/** What answers to which name, and with which tags. */
function Services({ workspace, hosting }: ViewProps) {
  const { t } = useWords();
  const publications = publicationsOf(hosting.bases);
  if (publications.length === 0) {
    return (
      <Card>
        <Empty icon="module" title={t("module.services.none")}>
          <p>{t("module.services.hint")}</p>
        </Empty>
      </Card>
    );
  }
  return (
    <Card flush label={t("module.view.services")}>
      <TableFrame label={t("module.view.services")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("list.kind")}</th>
              <th scope="col">{t("common.name")}</th>
              <th scope="col">{t("module.answered")}</th>
              <th scope="col">{t("module.tags")}</th>
              <th scope="col">{t("module.cluster")}</th>
              <th scope="col">{t("module.bases")}</th>
            </tr>
          </thead>
          <tbody>
            {publications.map(({ kind, name, module, version, tags, cluster, bases }) => (
              <tr key={`${kind} ${name} ${module} ${version} ${cluster} ${tagText(tags)}`}>
                <td>{t(`module.kind.${kind}`)}</td>
                <td className="mono">{name}</td>
                <td>
                  <Link className="link" href={`/w/${workspace}/modules/${module}`}>
                    {module}
                  </Link>{" "}
                  <span className="mono">{version}</span>
                </td>
                <td className="mono">{tagText(tags) || "–"}</td>
                <td>{cluster === "" ? t("module.no.cluster") : cluster}</td>
                <td className="number">{bases}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </Card>
  );
}
