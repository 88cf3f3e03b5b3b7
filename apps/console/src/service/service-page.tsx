import type { ServiceId } from "@evenkeel/contracts/id";
import type { Instance, InstanceState, Service } from "@evenkeel/contracts/service";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { ChangeBadge } from "../change/looks.tsx";
import { Traffic } from "../change/traffic.tsx";
import { client } from "../connection.ts";
import { Button, LinkButton } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Skeleton, type Tone } from "../kit/surface.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import "../change/change.css";

const TONES: Readonly<Record<InstanceState, Tone>> = {
  starting: "busy",
  healthy: "good",
  unhealthy: "bad",
  stopping: "busy",
  stopped: "idle",
  "crash-loop": "bad",
  unknown: "warn",
};

/** A service: what it is, where it runs, what its traffic does. Give it the id as its key. */
export function ServicePage({ id }: { readonly id: ServiceId }) {
  const { t } = useWords();
  const params = { serviceId: id };
  const service = useQuery({ queryKey: ["service", id], queryFn: () => client.getService({ params }) });
  const instances = useQuery({
    queryKey: ["instances", id],
    queryFn: () => client.listInstances({ params, query: { limit: 200 } }),
  });
  if (service.isError) return <ErrorNotice error={service.error} />;
  if (!service.isSuccess) return <Skeleton lines={6} />;
  const { name, application, workspace, revision, definition } = service.data;
  return (
    <>
      <PageHead title={name} lead={`${application} · ${workspace} · ${revision?.packageVersion ?? "–"}`}>
        <Button look="quiet" icon="refresh" onClick={() => void instances.refetch()}>
          {t("common.refresh")}
        </Button>
        <LinkButton look="primary" icon="plus" href={`/w/${workspace}/release?application=${application}`}>
          {t("page.release")}
        </LinkButton>
      </PageHead>
      <div className="change-board">
        <div className="stack">
          <Card flush title={t("service.instances")}>
            {instances.isError && <ErrorNotice error={instances.error} />}
            <Instances instances={instances.data?.items.filter(({ state }) => state !== "stopped") ?? []} />
          </Card>
          <Definition service={service.data} />
          <Recent name={name} />
        </div>
        <div className="stack">
          <Traffic serviceId={id} />
          <Card title={t("page.routes")}>
            {definition.routes.length === 0 ? (
              <p className="soft">{t("home.route.none")}</p>
            ) : (
              definition.routes.map(({ host, path }) => (
                <p key={`${host}${path}`} className="mono">
                  {host}
                  {path}
                </p>
              ))
            )}
          </Card>
        </div>
      </div>
    </>
  );
}

function Instances({ instances }: { readonly instances: readonly Instance[] }) {
  const { t } = useWords();
  if (instances.length === 0) return <p className="card-body soft">{t("service.instances.none")}</p>;
  return (
    <div className="table-frame">
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
            ({ hostName, letter, zone, packageVersion, state, traffic, address, port, restarts, since }) => (
              <tr key={`${hostName} ${letter}`}>
                <td>
                  <strong>{hostName}</strong> <span className="faint">{zone}</span>
                </td>
                <td className="mono">{packageVersion}</td>
                <td>
                  <Badge tone={TONES[state]}>{t(`instance.${state}`)}</Badge>
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
    </div>
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
  if (mine.length === 0) return null;
  return (
    <Card flush title={t("page.changes")}>
      <table className="table">
        <tbody>
          {mine.map((change) => (
            <tr key={change.id}>
              <td>
                <Link className="link" href={`/changes/${change.id}`}>
                  {change.title}
                </Link>
              </td>
              <td>
                <ChangeBadge state={change.state} />
              </td>
              <td>
                <Ago at={change.stateSince} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
