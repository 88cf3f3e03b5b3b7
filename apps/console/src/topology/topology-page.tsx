import type { Topology } from "@evenkeel/client/topology";
import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { Button, LinkButton } from "../kit/button.tsx";
import { useRefusal } from "../kit/may.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Empty, Notice, Skeleton } from "../kit/surface.tsx";
import { useTopology } from "../live/topology.ts";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { Graph, useNameOf } from "./graph.tsx";
import { type Node, type Picture, pictureOf } from "./picture.ts";
import { relatedTo } from "./sum.ts";
import "./topology.css";

/** A workspace from its applications to their instances, and what flows between them. Everything that is chosen stands in the address. */
export function TopologyPage({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const { topology, error } = useTopology(workspace);
  return (
    <>
      <PageHead title={t("page.topology")} lead={t("topology.lead")}>
        {topology !== null && <ServiceFilter services={topology.services} />}
      </PageHead>
      {error !== null && <ErrorNotice error={error} />}
      {topology === null && error === null && <Skeleton lines={8} />}
      {topology !== null && <Drawn workspace={workspace} topology={topology} />}
    </>
  );
}

type Address = { readonly service: string; readonly node: string; readonly open: string };

function useAddress(): [Address, (news: Partial<Address>) => void] {
  const [search, setSearch] = useSearchParams();
  const read = (name: keyof Address) => search.get(name) ?? "";
  const set = (news: Partial<Address>) =>
    setSearch(
      (now) => {
        for (const [name, value] of Object.entries(news)) {
          if (value === "") now.delete(name);
          else now.set(name, value);
        }
        return now;
      },
      { replace: true },
    );
  return [{ service: read("service"), node: read("node"), open: read("open") }, set];
}

function ServiceFilter({ services }: Pick<Topology, "services">) {
  const { t } = useWords();
  const [{ service }, set] = useAddress();
  return (
    <label className="row tight">
      <span className="faint">{t("topology.only")}</span>
      <select
        className="input topology-filter"
        value={service}
        onChange={(event) => set({ service: event.target.value, node: "" })}
      >
        <option value="">{t("common.all")}</option>
        {services.map(({ serviceId, name }) => (
          <option key={serviceId}>{name}</option>
        ))}
      </select>
    </label>
  );
}

interface DrawnProps {
  readonly workspace: string;
  readonly topology: Topology;
}

function Drawn({ workspace, topology }: DrawnProps) {
  const { t } = useWords();
  const noServices = useRefusal("service:read");
  const [{ service, node, open }, set] = useAddress();
  const picture = useMemo(
    () => pictureOf(topology, { service, turned: new Set(open.split(",").filter((each) => each !== "")) }),
    [topology, service, open],
  );
  const chosen = picture.nodes.find(({ id }) => id === node);
  const related = useMemo(() => (chosen === undefined ? null : relatedTo(picture, chosen.id)), [picture, chosen]);
  // Who may not see services is not told that there are none.
  if (noServices !== null) return <Notice tone="idle" title={noServices} />;
  if (topology.services.length === 0) {
    return (
      <Card>
        <Empty icon="topology" title={t("topology.none")}>
          <p>{t("topology.none.hint")}</p>
          <code className="mono">evenkeel deploy examples/hello/1.0.0</code>
        </Empty>
      </Card>
    );
  }
  const turn = (place: string) => {
    const now = new Set(open.split(",").filter((each) => each !== ""));
    if (!now.delete(place)) now.add(place);
    set({ open: [...now].join(",") });
  };
  return (
    <div className="stack">
      {topology.instancesInAll > topology.instances.length && (
        <Notice
          tone="warn"
          title={t("topology.cut", { shown: topology.instances.length, all: topology.instancesInAll })}
        />
      )}
      <Summary
        workspace={workspace}
        topology={topology}
        picture={picture}
        chosen={chosen}
        onClear={() => set({ node: "" })}
      />
      <Card flush label={t("page.topology")}>
        <Graph picture={picture} chosen={node} related={related} onChoose={(id) => set({ node: id })} onTurn={turn} />
      </Card>
      <p className="faint">{t("topology.keys")}</p>
    </div>
  );
}

interface SummaryProps extends DrawnProps {
  readonly picture: Picture;
  readonly chosen: Node | undefined;
  readonly onClear: () => void;
}

/** One line: all of it, or what is chosen and where it leads. */
function Summary({ workspace, topology, picture, chosen, onClear }: SummaryProps) {
  const { t, number } = useWords();
  const applications = picture.nodes.filter(({ column }) => column === "application");
  const total = chosen === undefined ? applications : [chosen];
  const sum = (of: (node: Node) => number) => total.reduce((all, node) => all + of(node), 0);
  const facts = t("topology.sum", {
    ...{ instances: sum(({ instances }) => instances), healthy: sum(({ healthy }) => healthy) },
    rate: number(sum(({ requestsPerSecond }) => requestsPerSecond)),
    failed: number(sum(({ failedPerSecond }) => failedPerSecond)),
  });
  return (
    <div className="topology-summary">
      {chosen === undefined ? <strong>{t("topology.all")}</strong> : <Chosen node={chosen} />}
      <span className="soft number grow">{facts}</span>
      {chosen !== undefined && (
        <>
          <Leads workspace={workspace} topology={topology} node={chosen} />
          <Button small look="quiet" icon="close" onClick={onClear}>
            {t("topology.clear")}
          </Button>
        </>
      )}
    </div>
  );
}

function Chosen({ node }: { readonly node: Node }) {
  const { t } = useWords();
  const name = useNameOf(node);
  return (
    <span className="row tight">
      <Badge tone={node.tone}>{t(`topology.tone.${node.tone}`)}</Badge>
      <span className="faint">{t(`topology.${node.column}`)}</span>
      <strong>{name}</strong>
      {node.aside !== undefined && <span className="mono">{node.aside}</span>}
    </span>
  );
}

/** From a node to the pages about it. */
function Leads({ workspace, topology, node: { id, column, label } }: DrawnProps & { readonly node: Node }) {
  const { t } = useWords();
  const service = column === "service" ? id : column === "instance" ? id.split("/")[0] : undefined;
  const host = topology.hosts.find(({ hostId }) => hostId === (column === "instance" ? id.split("/")[1] : id));
  return (
    <>
      {service !== undefined && (
        <LinkButton small icon="service" href={`/services/${service}`}>
          {t("topology.open.service")}
        </LinkButton>
      )}
      {host !== undefined && (
        <LinkButton small icon="host" href={`/w/${workspace}/hosts?name=${host.name}`}>
          {t("topology.open.host")}
        </LinkButton>
      )}
      {column === "application" && (
        <LinkButton small icon="package" href={`/packages?application=${label}`}>
          {t("page.packages")}
        </LinkButton>
      )}
    </>
  );
}
