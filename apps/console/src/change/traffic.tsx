import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import { useMemo } from "react";
import { Chart, COLOURS, type Series } from "../kit/chart.tsx";
import { Card } from "../kit/surface.tsx";
import { useSamples } from "../live/samples.ts";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";

/** Requests by version and their failures, second by second. Give it the service as its key. */
export function Traffic({ serviceId }: { readonly serviceId: ServiceId }) {
  const { t, number } = useWords();
  const { standing } = useWorkspace();
  const samples = useSamples(serviceId);
  const { times, requests, errors, latest } = useMemo(() => drawn(samples), [samples]);
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

interface Drawn {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly requests: readonly Series[];
  readonly errors: readonly Series[];
  readonly latest: readonly VersionSample[];
}

/** The samples as lines; a second in which a version had no requests is a zero, not a gap. */
function drawn(samples: readonly VersionSample[]): Drawn {
  const seconds = samples.map(({ at }) => Date.parse(at) / 1000);
  const first = Math.min(...seconds);
  const last = Math.max(...seconds);
  if (samples.length === 0) return { times: [], requests: [], errors: [], latest: [] };
  const times = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const byVersion = Map.groupBy(samples, ({ version }) => version);
  const versions = [...byVersion.keys()].sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  const line = (version: string, value: (sample: VersionSample) => number): Series => {
    const at = new Map(byVersion.get(version)?.map((sample) => [Date.parse(sample.at) / 1000, value(sample)]));
    return { name: version, values: times.map((time) => at.get(time) ?? 0) };
  };
  const rate = ({ requests, failed }: VersionSample) => (requests === 0 ? 0 : (100 * failed) / requests);
  return {
    times,
    requests: versions.map((version) => line(version, ({ requests }) => requests)),
    errors: versions.map((version) => line(version, rate)),
    latest: versions.flatMap((version) => byVersion.get(version)?.at(-1) ?? []),
  };
}
