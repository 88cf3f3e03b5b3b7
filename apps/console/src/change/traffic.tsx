import type { ServiceId } from "@evenkeel/contracts/id";
import { useMemo } from "react";
import { Chart, COLOURS } from "../kit/chart.tsx";
import { Card } from "../kit/surface.tsx";
import { useSamples } from "../live/samples.ts";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { linesOf } from "./traffic-lines.ts";

/** Requests by version and their failures, second by second. Give it the service as its key. */
export function Traffic({ serviceId }: { readonly serviceId: ServiceId }) {
  const { t, number } = useWords();
  const { standing } = useWorkspace();
  const samples = useSamples(serviceId);
  const { times, requests, errors, latest } = useMemo(() => linesOf(samples), [samples]);
  const name = standing?.services.find((service) => service.serviceId === serviceId)?.name ?? "";
  return (
    <Card title={name === "" ? t("chart.requests") : name} label={t("chart.requests")}>
      {times.length === 0 ? (
        <p className="soft">{t("chart.none")}</p>
      ) : (
        <div className="stack">
          <Chart title={t("chart.requests")} times={times} series={requests} />
          <Chart title={t("chart.errors")} times={times} series={errors} top={5} />
          <table className="table">
            <thead>
              <tr>
                <th>{t("chart.version")}</th>
                <th>{t("chart.rate")}</th>
                <th>{t("chart.failed")}</th>
                <th>{t("chart.p99")}</th>
              </tr>
            </thead>
            <tbody>
              {latest.map(({ version, requests: rate, failed, p99Ms }, index) => (
                <tr key={version} className="number">
                  <td className="mono">
                    <span className="chart-key" style={{ background: COLOURS[index % COLOURS.length] }} />
                    {version}
                  </td>
                  <td>{number(rate)}</td>
                  <td>{number(failed)}</td>
                  <td>{p99Ms === null ? "–" : `${number(p99Ms)} ms`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
