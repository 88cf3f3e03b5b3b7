import type { Finding } from "@evenkeel/contracts/change";
import { useQuery } from "@tanstack/react-query";
import { Causes } from "../change/causes.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Quoted } from "../kit/quoted.tsx";
import { Badge, Card, Empty, Notice, Skeleton, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { PageHead } from "../shell/page.tsx";

const TONES: Readonly<Record<Finding["severity"], Tone>> = { error: "bad", warning: "warn", note: "idle" };

/** What is wrong or in the way, why, and what frees it; the report can be taken along. */
export function DoctorPage() {
  const { t } = useWords();
  const report = useQuery({ queryKey: ["doctor"], queryFn: () => client.getDoctor(), staleTime: 0 });
  const download = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(report.data, null, 2)], { type: "application/json" }));
    link.download = `evenkeel-diagnosis-${report.data?.checkedAt.slice(0, 19).replaceAll(":", "-")}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
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

/** One thing that is wrong: what, why, and the commands that free it. */
function Found({ finding }: { readonly finding: Finding }) {
  const words = useWords();
  const { t } = words;
  const { title, remedy } = sentenceOf(finding.problem, words);
  return (
    <Notice
      tone={TONES[finding.severity]}
      title={title}
      aside={<Badge tone={TONES[finding.severity]}>{t(`doctor.${finding.severity}`)}</Badge>}
    >
      <span>
        <Quoted text={remedy} />
      </span>
      <Causes causes={finding.causes ?? []} />
      {finding.actions.map((action) => (
        <code key={action} className="mono">
          {action}
        </code>
      ))}
      <span className="faint">
        <span className="mono">{finding.problem.code}</span> · {finding.resource}
        {finding.since !== null && (
          <>
            {" · "}
            <Ago at={finding.since} />
          </>
        )}
      </span>
    </Notice>
  );
}
