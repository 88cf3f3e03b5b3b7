import { useQuery } from "@tanstack/react-query";
import { client } from "../connection.ts";
import { Found } from "../diagnosis/found.tsx";
import { Button } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { saveFile } from "../kit/save.ts";
import { Card, Empty, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";

/** What is wrong or in the way, why, and what frees it; the report can be taken along. */
export function DoctorPage() {
  const { t } = useWords();
  const report = useQuery({ queryKey: ["doctor"], queryFn: () => client.getDoctor(), staleTime: 0 });
  const download = () => {
    const name = `evenkeel-diagnosis-${report.data?.checkedAt.slice(0, 19).replaceAll(":", "-")}.json`;
    saveFile({ name, type: "application/json", text: JSON.stringify(report.data, null, 2) });
  };
  return (
    <>
      <PageHead title={t("page.doctor")} lead={t("doctor.lead")}>
        <Button icon="refresh" disabled={report.isFetching} onClick={() => void report.refetch()}>
          {t("doctor.again")}
        </Button>
        <Button icon="package" disabled={!report.isSuccess} onClick={download}>
          {t("doctor.download")}
        </Button>
      </PageHead>
      <div className="stack">
        {report.isError && <ErrorNotice error={report.error} />}
        {report.isPending && <Skeleton lines={5} />}
        {report.isSuccess && report.data.items.length === 0 && (
          <Card>
            <Empty icon="check" title={t("home.health.good")}>
              <p>{t("doctor.none")}</p>
            </Empty>
          </Card>
        )}
        {report.data?.items.map((finding) => (
          <Found key={`${finding.resource} ${finding.problem.code}`} finding={finding} />
        ))}
        {report.isSuccess && (
          <Card>
            <dl className="pairs">
              <dt>{t("doctor.checked")}</dt>
              <dd>
                <Ago at={report.data.checkedAt} />
              </dd>
              <dt>PostgreSQL</dt>
              <dd className="mono">{report.data.postgres}</dd>
              <dt>{t("doctor.replicas")}</dt>
              <dd className="mono">{report.data.replicas.join(", ")}</dd>
            </dl>
          </Card>
        )}
      </div>
    </>
  );
}
