import type { ModuleSample } from "@evenkeel/contracts/module-statistics";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Chart, type Series } from "../kit/chart.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";

const CHARTS = [
  { key: "module.chart.requests", of: ({ requestsPerSecond }: ModuleSample) => requestsPerSecond },
  { key: "module.chart.errors", of: ({ errorPercent }: ModuleSample) => errorPercent ?? 0 },
  { key: "module.chart.p99", of: ({ p99Ms }: ModuleSample) => p99Ms ?? 0 },
  { key: "module.chart.cpu", of: ({ cpuPercent }: ModuleSample) => cpuPercent },
  { key: "module.chart.heap", of: ({ heapBytes }: ModuleSample) => (heapBytes ?? 0) / 1024 ** 2 },
  { key: "module.chart.block", of: ({ blockMs }: ModuleSample) => blockMs },
] as const;

const STEP_SECONDS = 30;

/** What each version of a module has done in the last hour, over all its bases. */
export function ModuleCharts({ workspace, module }: { readonly workspace: string; readonly module: string }) {
  const { t } = useWords();
  const query = { workspace, module, sinceSeconds: 3600, stepSeconds: STEP_SECONDS, limit: 5000 };
  const samples = useQuery({
    queryKey: ["module samples", workspace, module],
    queryFn: () => client.listModuleSamples({ query: query as never }),
  });
  return (
    <Card
      title={t("module.charts")}
      aside={
        <Button small look="quiet" icon="refresh" onClick={() => void samples.refetch()}>
          {t("common.refresh")}
        </Button>
      }
    >
      {samples.isError && <ErrorNotice error={samples.error} />}
      {samples.isPending && <Skeleton />}
      {samples.isSuccess && <Drawn samples={samples.data.items} />}
    </Card>
  );
}

function Drawn({ samples }: { readonly samples: readonly ModuleSample[] }) {
  const { t } = useWords();
  const { times, charts } = useMemo(() => drawnOf(samples), [samples]);
  if (times.length === 0) return <p className="soft">{t("module.charts.none")}</p>;
  return (
    <div className="module-charts">
      {CHARTS.map(({ key }) => (
        <Chart key={key} title={t(key)} times={times} series={charts.get(key) ?? []} />
      ))}
    </div>
  );
}

/** One line a version; a step in which it told nothing is a zero. */
function drawnOf(samples: readonly ModuleSample[]) {
  const seconds = samples.map(({ at }) => Date.parse(at) / 1000);
  const first = Math.min(...seconds);
  const last = Math.max(...seconds);
  const count = samples.length === 0 ? 0 : Math.round((last - first) / STEP_SECONDS) + 1;
  const times = Array.from({ length: count }, (_, index) => first + index * STEP_SECONDS);
  const versions = [...Map.groupBy(samples, ({ version }) => version)].toSorted(([one], [other]) =>
    one.localeCompare(other, "en", { numeric: true }),
  );
  const charts = CHARTS.map(({ key, of }): [string, Series[]] => [
    key,
    versions.map(([name, its]) => {
      const at = new Map(its.map((sample) => [Date.parse(sample.at) / 1000, of(sample)]));
      return { name, values: times.map((time) => at.get(time) ?? 0) };
    }),
  ]);
  return { times, charts: new Map(charts) };
}
