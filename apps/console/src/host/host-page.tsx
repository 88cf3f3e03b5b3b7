import type { Host, HostInstance, HostSample } from "@evenkeel/contracts/host";
import type { HostId } from "@evenkeel/contracts/id";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { Button, LinkButton } from "../kit/button.tsx";
import { Chart, type Series } from "../kit/chart.tsx";
import { Ago } from "../kit/clock.tsx";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { bytes } from "../list/bytes.ts";
import { HostBadge } from "../list/infrastructure.tsx";
import { useHost } from "../live/host.ts";
import { useWords } from "../locale/index.tsx";
import { LogView } from "../log/log-view.tsx";
import { INSTANCE_TONES } from "../service/looks.ts";
import { PageHead } from "../shell/page.tsx";
import { MoveDialog } from "./move-dialog.tsx";
import "../change/change.css";

/** A host: what it uses, what runs on it, and what that writes – live. Give it the id as its key. */
export function HostPage({ id }: { readonly id: HostId }) {
  const { t } = useWords();
  const { standing, samples, error } = useHost(id);
  const [moving, setMoving] = useState(false);
  if (standing === null) return error === null ? <Skeleton lines={6} /> : <ErrorNotice error={error} />;
  const { host, instances } = standing;
  const place = [host.zone, host.cell, host.address].filter((part) => part !== null).join(" · ");
  const lead = (
    <span className="row wrap">
      <HostBadge state={host.state} />
      <span>{place}</span>
      <span className="faint">
        {t("common.since")} <Ago at={host.stateSince} />
      </span>
    </span>
  );
  return (
    <>
      <PageHead title={host.name} lead={lead}>
        <Button icon="cell" onClick={() => setMoving(true)}>
          {t("host.move")}
        </Button>
        <LinkButton icon="doctor" href={`/hosts/${id}/diagnosis`}>
          {t("diagnosis.open")}
        </LinkButton>
      </PageHead>
      <div className="change-board">
        <div className="stack">
          <Card flush title={t("host.processes")}>
            <Processes instances={instances} />
          </Card>
          <Logs host={host} instances={instances} />
        </div>
        <div className="stack">
          <Usage samples={samples} cpus={host.facts?.cpus ?? 1} />
          <Facts host={host} />
        </div>
      </div>
      {moving && <MoveDialog host={host} onClose={() => setMoving(false)} />}
    </>
  );
}

function Processes({ instances }: { readonly instances: readonly HostInstance[] }) {
  const { t, number } = useWords();
  if (instances.length === 0) return <p className="card-body soft">{t("host.processes.none")}</p>;
  return (
    <TableFrame label={t("host.processes")}>
      <table className="table">
        <thead>
          <tr>
            <th>{t("chart.service")}</th>
            <th>{t("common.version")}</th>
            <th>{t("common.state")}</th>
            <th>{t("host.pid")}</th>
            <th>{t("host.cpu")}</th>
            <th>{t("host.memory")}</th>
            <th>{t("service.restarts")}</th>
            <th>{t("common.since")}</th>
          </tr>
        </thead>
        <tbody>
          {instances.map((one) => (
            <tr key={`${one.serviceId} ${one.letter}`}>
              <td>
                <Link className="link" href={`/services/${one.serviceId}`}>
                  {one.service}
                </Link>{" "}
                <span className="faint">{one.letter}</span>
              </td>
              <td className="mono">{one.packageVersion}</td>
              <td>
                <Badge tone={INSTANCE_TONES[one.state]}>{t(`instance.${one.state}`)}</Badge>
              </td>
              <td className="mono">{one.pid ?? "–"}</td>
              <td className="number">{one.cpuBusy === null ? "–" : `${number(100 * one.cpuBusy)} %`}</td>
              <td className="number">{one.memoryBytes === null ? "–" : bytes(one.memoryBytes)}</td>
              <td className="number">{one.restarts}</td>
              <td>
                <Ago at={one.since} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

/** The log of one of its services; which one stands in the address. */
function Logs({ host, instances }: { readonly host: Host; readonly instances: readonly HostInstance[] }) {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  const services = [...new Map(instances.map((one) => [one.serviceId, one])).values()];
  const chosen = services.find(({ serviceId }) => serviceId === search.get("log")) ?? services[0];
  if (chosen === undefined) return null;
  return (
    <>
      {services.length > 1 && (
        <Segments
          label={t("log.of")}
          value={chosen.serviceId as string}
          options={services.map(({ serviceId, service }) => ({ value: serviceId as string, label: service }))}
          onChange={(log) => setSearch({ log }, { replace: true })}
        />
      )}
      <LogView
        key={chosen.serviceId}
        serviceId={chosen.serviceId}
        host={host.name}
        title={t("common.pair", { name: t("log.title"), value: chosen.service })}
      />
    </>
  );
}

const used = (total: number, free: number): number => (total === 0 ? 0 : 100 * (1 - free / total));

function Usage({ samples, cpus }: { readonly samples: readonly HostSample[]; readonly cpus: number }) {
  const { t } = useWords();
  const times = useMemo(() => samples.map(({ at }) => Date.parse(at) / 1000), [samples]);
  const { shares, load } = useMemo(() => {
    const line = (name: string, value: (sample: HostSample) => number): Series => ({
      name,
      values: samples.map((sample) => Math.round(10 * value(sample)) / 10),
    });
    return {
      shares: [
        line(t("host.cpu"), ({ cpuBusy }) => 100 * cpuBusy),
        line(t("host.memory"), (one) => used(one.memoryTotalBytes, one.memoryAvailableBytes)),
        line(t("host.disk"), (one) => used(one.diskTotalBytes, one.diskFreeBytes)),
      ],
      load: [line(t("host.load"), ({ load1 }) => load1)],
    };
  }, [samples, t]);
  return (
    <Card title={t("host.usage")}>
      {times.length === 0 ? (
        <p className="soft">{t("host.usage.none")}</p>
      ) : (
        <div className="stack">
          {shares.map((one) => (
            <Chart key={one.name} title={`${one.name}, %`} times={times} series={[one]} top={100} />
          ))}
          <Chart title={t("host.load")} times={times} series={load} top={cpus} />
        </div>
      )}
    </Card>
  );
}

function Facts({ host: { facts, clockSkewMs, labels } }: { readonly host: Host }) {
  const { t, number } = useWords();
  const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return (
    <Card title={t("host.facts")}>
      <dl className="pairs">
        {facts !== null && (
          <>
            <dt>{t("diagnosis.fact.os")}</dt>
            <dd>{`${facts.os}, ${facts.kernel}`}</dd>
            <dt>{t("diagnosis.fact.cpus")}</dt>
            <dd className="number">{facts.cpus}</dd>
            <dt>{t("host.memory")}</dt>
            <dd className="number">{bytes(facts.memoryTotalBytes)}</dd>
            <dt>{t("host.disk")}</dt>
            <dd className="number">{bytes(facts.diskTotalBytes)}</dd>
            <dt>{t("diagnosis.fact.agent")}</dt>
            <dd className="mono">{facts.agentVersion}</dd>
          </>
        )}
        <dt>{t("host.skew")}</dt>
        <dd className="number">{clockSkewMs === null ? "–" : `${number(clockSkewMs)} ms`}</dd>
        {named.length > 0 && (
          <>
            <dt>{t("host.labels")}</dt>
            <dd className="mono">{named.join(", ")}</dd>
          </>
        )}
      </dl>
    </Card>
  );
}
