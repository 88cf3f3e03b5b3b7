import { Link } from "wouter";
import { COLOURS } from "../kit/chart.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Skeleton } from "../kit/surface.tsx";
import { useTopology } from "../live/topology.ts";
import { useWords } from "../locale/index.tsx";
import { bandsOf, outlineOf, type ServiceShares, SHARE_ROW, type Share, sharesOf } from "./shares.ts";
import "./traffic.css";

/** Who gets which share of the requests now, service by service. */
export function Shares({ workspace }: { readonly workspace: string }) {
  const { topology, error } = useTopology(workspace);
  if (topology === null) return error === null ? <Skeleton lines={4} /> : <ErrorNotice error={error} />;
  const services = sharesOf(topology);
  return (
    <div className="shares">
      {services.map((service) => (
        <OneService key={service.serviceId} workspace={workspace} service={service} />
      ))}
    </div>
  );
}

interface OneServiceProps {
  readonly workspace: string;
  readonly service: ServiceShares;
}

const WIDTH = 110;

function OneService({ workspace, service }: OneServiceProps) {
  const { t, number } = useWords();
  const { serviceId, name, routes, shares, requestsPerSecond, lostPerSecond } = service;
  const { bands, height } = bandsOf(service);
  const colourOf = coloursOf(shares);
  return (
    <Card
      title={
        <Link className="link" href={`/services/${serviceId}`}>
          {name}
        </Link>
      }
      aside={
        <Link className="link" href={`/w/${workspace}/traffic-rules?service=${name}`}>
          {t("page.rules")}
        </Link>
      }
    >
      <div className="share">
        <div className="share-source">
          <span className="number">
            {requestsPerSecond > 0 ? t("shares.rate", { rate: number(requestsPerSecond) }) : t("shares.silent")}
          </span>
          {lostPerSecond > 0 && <Badge tone="bad">{t("shares.lost", { rate: number(lostPerSecond) })}</Badge>}
          {routes.slice(0, 3).map((route) => (
            <span key={route} className="mono faint cut" title={route}>
              {route}
            </span>
          ))}
        </div>
        {shares.length === 0 ? (
          <p className="soft">{t("shares.nobody")}</p>
        ) : (
          <>
            <svg width={WIDTH} height={height} aria-hidden="true">
              {bands.map((band) => (
                <path
                  key={keyOf(band.share)}
                  d={outlineOf(band, WIDTH)}
                  fill={colourOf(band.share.version)}
                  opacity={requestsPerSecond > 0 ? 0.55 : 0.2}
                />
              ))}
            </svg>
            <ul className="share-rows">
              {shares.map((share) => (
                <Row key={keyOf(share)} share={share} colour={colourOf(share.version)} />
              ))}
            </ul>
          </>
        )}
      </div>
    </Card>
  );
}

const keyOf = ({ version, cell }: Share): string => `${version} ${cell ?? ""}`;

/** One colour a version, whatever the cell. */
function coloursOf(shares: readonly Share[]): (version: string) => string {
  const versions = [...new Set(shares.map(({ version }) => version))];
  return (version) => COLOURS[versions.indexOf(version) % COLOURS.length] ?? COLOURS[0];
}

function Row({ share, colour }: { readonly share: Share; readonly colour: string }) {
  const { t, number } = useWords();
  const { version, cell, instances, part, requestsPerSecond, failedPerSecond } = share;
  return (
    <li style={{ height: SHARE_ROW }}>
      <span className="chart-key" style={{ background: colour }} />
      <span className="stack grow">
        <span className="row tight">
          <strong className="mono" title={version}>
            {version}
          </strong>
          {cell !== null && <span className="soft">{t("shares.cell", { cell })}</span>}
        </span>
        <span className="faint number">
          {t("topology.instances", { count: instances })}
          {requestsPerSecond > 0 && ` · ${t("topology.rate", { rate: number(requestsPerSecond) })}`}
        </span>
      </span>
      <span className="stack share-part number">
        <strong>{`${number(100 * part)} %`}</strong>
        {failedPerSecond > 0 && (
          <span className="share-failed">{t("shares.failed", { rate: number(failedPerSecond) })}</span>
        )}
      </span>
    </li>
  );
}
