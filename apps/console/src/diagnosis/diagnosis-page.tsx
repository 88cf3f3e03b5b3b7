import { diagnosisReport } from "@evenkeel/client/text/diagnosis";
import type { Diagnosis, DiagnosisLog, DiagnosisSeries } from "@evenkeel/contracts/diagnosis";
import type { ChangeId, HostId, ServiceId } from "@evenkeel/contracts/id";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { ChangeBadge } from "../change/looks.tsx";
import { client } from "../connection.ts";
import { Button, LinkButton } from "../kit/button.tsx";
import { Chart } from "../kit/chart.tsx";
import { Ago } from "../kit/clock.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Said } from "../kit/said.tsx";
import { saveFile } from "../kit/save.ts";
import { Badge, Card, Empty, Skeleton, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { Found } from "./found.tsx";
import { reportWords } from "./words.ts";
import "../change/change.css";

type Kind = Diagnosis["subject"]["kind"];

const TONES: Readonly<Record<Diagnosis["verdict"], Tone>> = { trouble: "bad", attention: "warn", well: "good" };

export function ServiceDiagnosis({ id }: { readonly id: ServiceId }) {
  return <DiagnosisPage kind="service" id={id} read={() => client.diagnoseService({ params: { serviceId: id } })} />;
}

export function HostDiagnosis({ id }: { readonly id: HostId }) {
  return <DiagnosisPage kind="host" id={id} read={() => client.diagnoseHost({ params: { hostId: id } })} />;
}

export function ChangeDiagnosis({ id }: { readonly id: ChangeId }) {
  return <DiagnosisPage kind="change" id={id} read={() => client.diagnoseChange({ params: { changeId: id } })} />;
}

interface DiagnosisPageProps {
  readonly kind: Kind;
  readonly id: string;
  readonly read: () => Promise<Diagnosis>;
}

/** What is wrong with one thing, why, what shows it, and what frees it; the report can be taken along. */
function DiagnosisPage({ kind, id, read: ask }: DiagnosisPageProps) {
  const words = useWords();
  const { t } = words;
  const read = useQuery({ queryKey: ["diagnosis", kind, id], queryFn: ask, staleTime: 0 });
  if (read.isError) return <ErrorNotice error={read.error} />;
  if (!read.isSuccess) return <Skeleton lines={6} />;
  const told = read.data;
  const lead = (
    <span className="row wrap">
      <Badge tone={TONES[told.verdict]}>{t(`diagnosis.${told.verdict}`)}</Badge>
      <span className="faint">
        {t("doctor.checked")} <Ago at={told.checkedAt} />
      </span>
    </span>
  );
  const download = () => {
    const name = `evenkeel-${kind}-${id.slice(-8)}-${told.checkedAt.slice(0, 19).replaceAll(":", "-")}.md`;
    saveFile({ name, type: "text/markdown", text: diagnosisReport(told, reportWords(words)) });
  };
  return (
    <>
      <PageHead title={t("diagnosis.title", { name: words.said(told.subject.name) })} lead={lead}>
        <LinkButton look="quiet" icon="back" href={`/${kind}s/${id}`}>
          {t(`diagnosis.back.${kind}`)}
        </LinkButton>
        <Button icon="refresh" disabled={read.isFetching} onClick={() => void read.refetch()}>
          {t("doctor.again")}
        </Button>
        <Button icon="package" onClick={download}>
          {t("doctor.download")}
        </Button>
      </PageHead>
      <div className="change-board">
        <div className="stack">
          <Findings told={told} />
          {told.logs.map((log) => (
            <LastWords key={`${log.host} ${log.of}`} log={log} />
          ))}
        </div>
        <div className="stack">
          <Facts told={told} />
          <Changes told={told} />
          <Measured series={told.series} />
        </div>
      </div>
    </>
  );
}

function Findings({ told: { findings } }: { readonly told: Diagnosis }) {
  const { t } = useWords();
  if (findings.length > 0) {
    return findings.map((finding) => <Found key={`${finding.resource} ${finding.problem.title}`} finding={finding} />);
  }
  return (
    <Card>
      <Empty icon="check" title={t("diagnosis.well")}>
        <p>{t("diagnosis.well.hint")}</p>
      </Empty>
    </Card>
  );
}

function LastWords({ log: { host, of, lines } }: { readonly log: DiagnosisLog }) {
  const { t, step } = useWords();
  return (
    <Card title={t("common.pair", { name: t("diagnosis.part.logs"), value: `${host} · ${step(of)}` })}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre className="code output" tabIndex={0}>
        {lines.join("\n")}
      </pre>
    </Card>
  );
}

function Facts({ told: { facts, subject } }: { readonly told: Diagnosis }) {
  const { t, named, said } = useWords();
  const shownAs = (name: string, value: string): string => {
    if (name === "kind") return named("kind", value);
    if (name === "reason") return said(value);
    // Of an instance its state comes last.
    if (name === "instance") return value.replace(/[a-z-]+$/, (state) => named("instance", state));
    return name === "state" ? named(subject.kind, value) : value;
  };
  return (
    <Card title={t("diagnosis.part.facts")}>
      <dl className="pairs">
        {facts.map(({ name, value }) => (
          <div key={`${name} ${value}`} className="pair">
            <dt>{named("diagnosis.fact", name)}</dt>
            <dd>{shownAs(name, value)}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Changes({ told: { changes } }: { readonly told: Diagnosis }) {
  const { t } = useWords();
  if (changes.length === 0) return null;
  return (
    <Card flush title={t("diagnosis.part.changes")}>
      <table className="table">
        <tbody>
          {changes.map(({ id, title, state, stateSince }) => (
            <tr key={id}>
              <td className="difference">
                <Link className="link" href={`/changes/${id}`}>
                  <Said text={title} />
                </Link>
              </td>
              <td>
                <ChangeBadge state={state} />
              </td>
              <td>
                <Ago at={stateSince} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Measured({ series }: { readonly series: readonly DiagnosisSeries[] }) {
  const { t } = useWords();
  const drawn = series.filter(({ points }) => points.length > 1);
  if (drawn.length === 0) return null;
  return (
    <Card title={t("diagnosis.part.measured")}>
      <div className="stack">
        {drawn.map(({ name, unit, points }) => (
          <Chart
            key={name}
            title={`${t(`diagnosis.series.${name}`)}${unit === "%" || unit === "ms" ? `, ${unit}` : ""}`}
            times={points.map(({ at }) => Date.parse(at) / 1000)}
            series={[{ name: t(`diagnosis.series.${name}`), values: points.map(({ value }) => value) }]}
            top={unit === "%" ? 100 : 1}
          />
        ))}
      </div>
    </Card>
  );
}
