import type { ServiceId } from "@evenkeel/contracts/id";
import type { Instance, Service } from "@evenkeel/contracts/service";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";
import { ChangesCard } from "../change/changes-card.tsx";
import { Traffic } from "../change/traffic.tsx";
import { client } from "../connection.ts";
import { Button, LinkButton } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { Field, Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { LogView } from "../log/log-view.tsx";
import { PageHead } from "../shell/page.tsx";
import { INSTANCE_TONES } from "./looks.ts";
import { useReadAgain } from "./read-again.ts";
import "../change/change.css";

const VIEWS = ["overview", "log"] as const;
type View = (typeof VIEWS)[number];

/** A service: what it is, where it runs, what its traffic does. Give it the id as its key. */
export function ServicePage({ id }: { readonly id: ServiceId }) {
  const { t } = useWords();
  const params = { serviceId: id };
  useReadAgain(id);
  const service = useQuery({ queryKey: ["service", id], queryFn: () => client.getService({ params }) });
  const instances = useQuery({
    queryKey: ["instances", id],
    queryFn: () => client.listInstances({ params, query: { limit: 200 } }),
  });
  const [search, setSearch] = useSearchParams();
  const view = VIEWS.find((each) => each === search.get("view")) ?? "overview";
  const running = instances.data?.items.filter(({ state }) => state !== "stopped") ?? [];
  if (service.isError) return <ErrorNotice error={service.error} />;
  if (!service.isSuccess) return <Skeleton lines={6} />;
  const { name, application, workspace, revision } = service.data;
  return (
    <>
      <PageHead title={name} lead={`${application} · ${workspace} · ${revision?.packageVersion ?? "–"}`}>
        <Button look="quiet" icon="refresh" onClick={() => void instances.refetch()}>
          {t("common.refresh")}
        </Button>
        <LinkButton icon="doctor" href={`/services/${id}/diagnosis`}>
          {t("diagnosis.open")}
        </LinkButton>
        <LinkButton icon="play" needs="operation-order:create" href={`/services/${id}/operate`}>
          {t("operate.open")}
        </LinkButton>
        <LinkButton
          look="primary"
          icon="plus"
          needs="release-order:create"
          href={`/w/${workspace}/release?application=${application}`}
        >
          {t("page.release")}
        </LinkButton>
      </PageHead>
      <Segments<View>
        label={t("change.views")}
        value={view}
        options={VIEWS.map((value) => ({ value, label: t(`service.view.${value}`) }))}
        onChange={(value) => setSearch(value === "overview" ? {} : { view: value })}
      />
      {view === "log" ? (
        <Logs id={id} instances={running} />
      ) : (
        <Overview service={service.data} instances={running} error={instances.error} />
      )}
    </>
  );
}

interface OverviewProps {
  readonly service: Service;
  readonly instances: readonly Instance[];
  readonly error: unknown;
}

function Overview({ service, instances, error }: OverviewProps) {
  const { t } = useWords();
  const { routes } = service.definition;
  return (
    <div className="change-board">
      <div className="stack">
        <Card flush title={t("service.instances")}>
          {error !== null && <ErrorNotice error={error} />}
          <Instances instances={instances} />
        </Card>
        <Definition service={service} />
        <Recent name={service.name} />
      </div>
      <div className="stack">
        <Traffic serviceId={service.id} />
        <Card title={t("page.routes")}>
          {routes.length === 0 ? (
            <p className="soft">{t("home.route.none")}</p>
          ) : (
            routes.map(({ host, path }) => (
              <p key={`${host}${path}`} className="mono">
                {host}
                {path}
              </p>
            ))
          )}
        </Card>
      </div>
    </div>
  );
}

/** The log of all its instances, or of one host; which stands in the address. */
function Logs({ id, instances }: { readonly id: ServiceId; readonly instances: readonly Instance[] }) {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  const hosts = [...new Set(instances.map(({ hostName }) => hostName))];
  const host = hosts.find((name) => name === search.get("host")) ?? null;
  return (
    <div className="stack">
      {hosts.length > 1 && (
        <Field label={t("service.host")}>
          {(field) => (
            <select
              id={field}
              className="input"
              value={host ?? ""}
              onChange={({ target: { value } }) =>
                setSearch({ view: "log", ...(value !== "" && { host: value }) }, { replace: true })
              }
            >
              <option value="">{t("common.all")}</option>
              {hosts.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
      )}
      <LogView key={host} serviceId={id} host={host} title={t("log.title")} />
    </div>
  );
}

function Instances({ instances }: { readonly instances: readonly Instance[] }) {
  const { t } = useWords();
  if (instances.length === 0) return <p className="card-body soft">{t("service.instances.none")}</p>;
  return (
    <TableFrame label={t("service.instances")}>
      <table className="table">
        <thead>
          <tr>
            <th>{t("service.host")}</th>
            <th>{t("common.version")}</th>
            <th>{t("common.state")}</th>
            <th>{t("target.traffic")}</th>
            <th>{t("common.address")}</th>
            <th>{t("service.restarts")}</th>
            <th>{t("common.since")}</th>
          </tr>
        </thead>
        <tbody>
          {instances.map(
            ({ hostId, hostName, letter, zone, packageVersion, state, traffic, address, port, restarts, since }) => (
              <tr key={`${hostName} ${letter}`}>
                <td>
                  <Link className="link" href={`/hosts/${hostId}`}>
                    {hostName}
                  </Link>{" "}
                  <span className="faint">{zone}</span>
                </td>
                <td className="mono">{packageVersion}</td>
                <td>
                  <Badge tone={INSTANCE_TONES[state]}>{t(`instance.${state}`)}</Badge>
                </td>
                <td>{t(`traffic.${traffic}`)}</td>
                <td className="mono">{`${address}:${port}`}</td>
                <td className="number">{restarts}</td>
                <td>
                  <Ago at={since} />
                </td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Definition({ service: { definition, revision, parameters } }: { readonly service: Service }) {
  const { t } = useWords();
  const { start, health, replace, drain } = definition;
  const buildpack =
    revision === null ? definition.buildpack : `${revision.buildpack.name}@${revision.buildpack.version}`;
  return (
    <Card title={t("service.definition")}>
      <dl className="pairs">
        <dt>{t("page.buildpacks")}</dt>
        <dd className="mono">{buildpack}</dd>
        <dt>{t("service.start")}</dt>
        <dd className="mono">{start ?? revision?.configuration.start ?? "–"}</dd>
        <dt>{t("service.health")}</dt>
        <dd className="mono">{"tcp" in health ? "tcp" : `${health.path} → ${health.status}`}</dd>
        <dt>{t("service.replace")}</dt>
        <dd className="mono">{replace ?? revision?.configuration.replace ?? "–"}</dd>
        <dt>{t("service.drain")}</dt>
        <dd className="mono">{`${drain.seconds} s, ${drain.policy}`}</dd>
        <dt>{t("service.parameters")}</dt>
        <dd className="mono">{Object.keys(parameters.env).join(", ") || "–"}</dd>
      </dl>
    </Card>
  );
}

/** What changed it today, live. */
function Recent({ name }: { readonly name: string }) {
  const { t } = useWords();
  const { changes } = useWorkspace();
  const mine = changes.filter(({ title }) => title.split(" ").includes(name)).slice(0, 8);
  return <ChangesCard title={t("page.changes")} changes={mine} />;
}
