import type { ChangeSummary, Finding } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ServiceStanding } from "@evenkeel/contracts/overview";
import { Link } from "wouter";
import { ChangeBadge } from "../change/looks.tsx";
import { Progress } from "../change/progress.tsx";
import { LinkButton } from "../kit/button.tsx";
import { Ago, useNow } from "../kit/clock.tsx";
import { useRefusal } from "../kit/may.tsx";
import { Badge, Card, Empty, Skeleton, type Tone } from "../kit/surface.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { causeOf } from "../locale/cause.ts";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { PageHead } from "../shell/page.tsx";
import "./home.css";

const NEEDS_ME = ["awaiting-approval", "awaiting-confirmation", "failed", "paused"];

/** What is running, what changes now, what needs me, what changed today. */
export function HomePage() {
  const { t } = useWords();
  const { name, changes, standing, whole } = useWorkspace();
  const [noChanges, noServices] = [useRefusal("change:read"), useRefusal("service:read")];
  const mine = changes.filter((change) => NEEDS_ME.includes(change.state) && change.allowedActions.length > 0);
  const moving = changes.filter(({ state }) => !isTerminal(state) && !NEEDS_ME.includes(state) && state !== "planned");
  return (
    <>
      <PageHead title={t("page.home")} lead={t("home.lead", { workspace: name })}>
        <LinkButton look="primary" icon="plus" needs="release-order:create" href={`/w/${name}/release`}>
          {t("page.release")}
        </LinkButton>
      </PageHead>
      <Health />
      <div className="home">
        <div className="stack">
          {mine.length > 0 && (
            <Card flush title={t("home.mine", { count: mine.length })}>
              <ChangeRows changes={mine} why />
            </Card>
          )}
          <Card flush title={t("home.moving")}>
            {whole ? <ChangeRows changes={moving} none={noChanges ?? t("home.moving.none")} /> : <Pending />}
          </Card>
          <Card flush title={t("home.running")}>
            {standing !== null && <Services services={standing.services} />}
            {standing === null && (noServices === null ? <Pending /> : <p className="card-body soft">{noServices}</p>)}
          </Card>
        </div>
        {noChanges === null && <Today changes={changes} whole={whole} />}
      </div>
    </>
  );
}

const Pending = () => (
  <div className="card-body">
    <Skeleton />
  </div>
);

interface ChangeRowsProps {
  readonly changes: readonly ChangeSummary[];
  readonly none?: string;
  /** Say what it waits for, or why it failed. */
  readonly why?: boolean;
}

function ChangeRows({ changes, none, why = false }: ChangeRowsProps) {
  const { said } = useWords();
  if (changes.length === 0) return <p className="card-body soft">{none}</p>;
  return (
    <ul className="change-rows">
      {changes.map((change) => (
        <li key={change.id}>
          <Link href={`/changes/${change.id}`} className="change-row">
            <div className="grow stack tight">
              <span className="row">
                <strong className="cut" title={said(change.title)}>
                  {said(change.title)}
                </strong>
                <ChangeBadge state={change.state} />
              </span>
              {why && <Why change={change} />}
              <span className="faint">
                {change.createdBy} · <Ago at={change.stateSince} />
              </span>
            </div>
            <Progress change={change} />
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Why({ change }: { readonly change: ChangeSummary }) {
  const words = useWords();
  const { causes, problem, waitingFor } = change;
  const [cause] = causes;
  const told = cause === undefined ? problem && sentenceOf(problem, words) : causeOf(cause, words);
  const text = told?.title ?? (waitingFor === null ? null : words.said(waitingFor));
  return text === null ? null : <span className="soft">{text}</span>;
}

function Services({ services }: { readonly services: readonly ServiceStanding[] }) {
  const { t } = useWords();
  if (services.length === 0) {
    return (
      <Empty icon="service" title={t("home.running.none")}>
        <p>{t("home.running.none.hint")}</p>
        <code className="mono">evenkeel deploy examples/hello/1.0.0</code>
      </Empty>
    );
  }
  return (
    <ul className="services">
      {services.map((service) => (
        <li key={service.serviceId}>
          <Link href={`/services/${service.serviceId}`} className="service-row">
            <span className={`health-dot tone-${toneOf(service)}`} aria-hidden="true" />
            <span className="grow stack">
              <strong className="cut" title={service.name}>
                {service.name}
              </strong>
              <span className="faint cut">{service.routes.join(", ") || t("home.route.none")}</span>
            </span>
            <Versions service={service} />
            <span className="number soft">{t("home.instances", countsOf(service))}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

const toneOf = ({ troubled, healthy, starting, version }: ServiceStanding): Tone => {
  if (troubled > 0) return "bad";
  if (version === null || healthy + starting === 0) return "idle";
  return starting > 0 ? "busy" : "good";
};

const countsOf = ({ healthy, starting, troubled }: ServiceStanding) => ({
  healthy,
  total: healthy + starting + troubled,
});

/** Which version takes how much of the traffic; two of them stand side by side while a release is under way. */
function Versions({ service: { attached, version } }: { readonly service: ServiceStanding }) {
  const versions = Object.entries(attached).toSorted(([one], [other]) =>
    one.localeCompare(other, "en", { numeric: true }),
  );
  if (versions.length === 0) return <span className="mono faint">{version ?? "–"}</span>;
  return (
    <span className="row tight">
      {versions.map(([name, count]) => (
        <Badge plain key={name} tone={versions.length > 1 ? "busy" : "idle"}>
          <span className="mono">{name}</span>
          {versions.length > 1 && <span className="number">× {count}</span>}
        </Badge>
      ))}
    </span>
  );
}

function Today({ changes, whole }: { readonly changes: readonly ChangeSummary[]; readonly whole: boolean }) {
  const { t, clock, named, said } = useWords();
  const now = useNow(60_000);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const today = changes.filter(({ finishedAt }) => finishedAt !== null && Date.parse(finishedAt) >= midnight);
  return (
    <Card title={t("home.today")} flush>
      {!whole && <Pending />}
      {whole && today.length === 0 && <p className="card-body soft">{t("home.today.none")}</p>}
      <ol className="today">
        {today.map((change) => (
          <li key={change.id}>
            <Link href={`/changes/${change.id}`} className="today-row">
              <time className="faint number" dateTime={change.finishedAt ?? ""}>
                {clock(change.finishedAt ?? "").slice(0, 5)}
              </time>
              <span className="grow stack">
                <span className="cut" title={said(change.title)}>
                  {said(change.title)}
                </span>
                <span className="faint">
                  {named("kind", change.kind)} · {change.createdBy}
                </span>
              </span>
              <ChangeBadge state={change.state} />
            </Link>
          </li>
        ))}
      </ol>
    </Card>
  );
}

const SEVERITY: Readonly<Record<Finding["severity"], Tone>> = { error: "bad", warning: "warn", note: "idle" };

/** Health in one line, with its reasons. */
function Health() {
  const words = useWords();
  const { t } = words;
  const { standing, findings, whole } = useWorkspace();
  if (whole && standing === null) return null;
  if (!whole || standing === null) return <div className="health skeleton" />;
  const { total, online } = standing.hosts;
  const troubled = standing.services.reduce((sum, service) => sum + service.troubled, 0);
  const serious = findings.filter(({ severity }) => severity !== "note");
  const tone = serious.some(({ severity }) => severity === "error") ? "bad" : serious.length > 0 ? "warn" : "good";
  return (
    <section className={`health tone-${tone}`} aria-label={t("home.health")}>
      <div className="row wrap">
        <strong>{t(`home.health.${tone}`)}</strong>
        <span className="soft number">
          {t("home.health.hosts", { online, total })} · {t("home.health.instances", { troubled })}
        </span>
        <span className="grow" />
        <Link href="/doctor" className="link">
          {t("page.doctor")}
        </Link>
      </div>
      {serious.length > 0 && (
        <ul className="stack tight">
          {serious.slice(0, 3).map((finding) => (
            <li key={`${finding.resource} ${finding.problem.code}`} className="row">
              <span className={`health-dot tone-${SEVERITY[finding.severity]}`} aria-hidden="true" />
              <span>{sentenceOf(finding.problem, words).title}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
