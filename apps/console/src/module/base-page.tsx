import type { Base, BaseCluster } from "@evenkeel/contracts/base-cluster";
import type { BaseReading } from "@evenkeel/contracts/module-statistics";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { client } from "../connection.ts";
import { Button, LinkButton } from "../kit/button.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Bar, Card, Empty, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { useToasts } from "../kit/toasts.tsx";
import { bytes } from "../list/bytes.ts";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { PageHead } from "../shell/page.tsx";
import { BaseBadge } from "./base-badge.tsx";
import { MoveBases, NewCluster } from "./dialogs.tsx";
import { driftText } from "./drift.ts";
import { type Hosting, useHosting } from "./read.ts";
import "./module.css";

/** Base-clusters with the pool of warm bases, and each base with what it uses. */
export function BasePage({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const hosting = useHosting(workspace);
  const [asked, setAsked] = useState<"move" | "new" | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const bases = hosting.data?.bases ?? [];
  const moved = bases.filter(({ id }) => chosen.has(id));
  return (
    <>
      <PageHead title={t("page.bases")} lead={t("base.lead")}>
        <Button needs="module-operation:create" disabled={moved.length === 0} onClick={() => setAsked("move")}>
          {t("module.move.some", { count: moved.length })}
        </Button>
        <Button look="primary" icon="plus" needs="base-cluster:create" onClick={() => setAsked("new")}>
          {t("module.cluster.new")}
        </Button>
      </PageHead>
      {hosting.isError && <ErrorNotice error={hosting.error} />}
      {hosting.isPending && <Skeleton lines={6} />}
      {hosting.isSuccess && (
        <div className="stack">
          <Clusters workspace={workspace} hosting={hosting.data} />
          {bases.length === 0 ? (
            <NoBases />
          ) : (
            <Bases workspace={workspace} bases={bases} chosen={chosen} onChoose={setChosen} />
          )}
        </div>
      )}
      {asked === "new" && <NewCluster workspace={workspace} onClose={() => setAsked(null)} />}
      {asked === "move" && (
        <MoveBases
          {...{ workspace }}
          clusters={hosting.data?.clusters ?? []}
          bases={moved}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

function Clusters({ workspace, hosting }: { readonly workspace: string; readonly hosting: Hosting }) {
  const { t } = useWords();
  if (hosting.clusters.length === 0) {
    return (
      <Card>
        <Empty icon="cell" title={t("cluster.none")}>
          <p>{t("cluster.none.hint")}</p>
          <code className="mono">evenkeel base-cluster create front</code>
        </Empty>
      </Card>
    );
  }
  return (
    <div className="clusters">
      {hosting.clusters.map((cluster) => (
        <ClusterCard key={cluster.id} workspace={workspace} cluster={cluster} />
      ))}
    </div>
  );
}

function ClusterCard({ workspace, cluster }: { readonly workspace: string; readonly cluster: BaseCluster }) {
  const { t } = useWords();
  const { name, buffer, bases, online, placements, rules } = cluster;
  return (
    <Card
      title={name}
      aside={
        <>
          {buffer && <Badge tone="idle">{t("module.buffer")}</Badge>}
          {!buffer && (
            <LinkButton small href={`/w/${workspace}/bases/${name}/split`}>
              {t("split.open")}
            </LinkButton>
          )}
          {bases === 0 && <RemoveCluster workspace={workspace} cluster={cluster} />}
        </>
      }
    >
      <div className="stack tight">
        <span className="number">{t(buffer ? "cluster.warm" : "cluster.online", { online, bases })}</span>
        <Bar
          label={t("cluster.online", { online, bases })}
          parts={[
            { tone: buffer ? "busy" : "good", count: online },
            { tone: "bad", count: bases - online },
            { tone: "idle", count: bases === 0 ? 1 : 0 },
          ]}
        />
        {placements.map(({ module, versions, bases: where }) => (
          <span key={module} className="row tight">
            <Link className="link" href={`/w/${workspace}/modules/${module}`}>
              {module}
            </Link>
            <span className="mono faint grow">{versions.map(({ version }) => version).join(", ")}</span>
            <span className="faint">
              {where === "all" ? t("common.all") : t("base.count", { count: where.length })}
            </span>
          </span>
        ))}
        {rules.length > 0 && <span className="faint">{t("cluster.rules", { count: rules.length })}</span>}
      </div>
    </Card>
  );
}

function RemoveCluster({ workspace, cluster }: { readonly workspace: string; readonly cluster: BaseCluster }) {
  const { t } = useWords();
  const queries = useQueryClient();
  const toasts = useToasts();
  const remove = useMutation({
    mutationFn: () => client.removeBaseCluster({ params: { clusterId: cluster.id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["hosting", workspace] }),
    onError: toasts.fail,
  });
  return (
    <Button small look="quiet" needs="base-cluster:delete" disabled={remove.isPending} onClick={() => remove.mutate()}>
      {t("cluster.remove")}
    </Button>
  );
}

function NoBases() {
  const { t } = useWords();
  return (
    <Card>
      <Empty icon="module" title={t("base.none")}>
        <p>{t("base.none.hint")}</p>
        <code className="mono">evenkeel deploy examples/bases/node-http</code>
      </Empty>
    </Card>
  );
}

interface BasesProps {
  readonly workspace: string;
  readonly bases: readonly Base[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

const SHOWN = 200;

function Bases({ workspace, bases, chosen, onChoose }: BasesProps) {
  const { t } = useWords();
  const [shown, setShown] = useState(SHOWN);
  const readings = useQuery({
    queryKey: ["base readings", workspace],
    queryFn: () => client.listBaseReadings({ query: { workspace, limit: 5000 } as never }),
  });
  const byBase = new Map(readings.data?.items.map((reading) => [reading.baseId as string, reading]));
  const turn = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next);
  };
  return (
    <Card flush title={t("page.bases")}>
      <TableFrame label={t("page.bases")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">
                <span className="hidden-text">{t("base.choose")}</span>
              </th>
              <th scope="col">{t("common.name")}</th>
              <th scope="col">{t("common.state")}</th>
              <th scope="col">{t("module.cluster")}</th>
              <th scope="col">{t("page.modules")}</th>
              <th scope="col">{t("host.cpu")}</th>
              <th scope="col">{t("host.memory")}</th>
              <th scope="col">{t("base.loop")}</th>
              <th scope="col">{t("base.drift")}</th>
            </tr>
          </thead>
          <tbody>
            {bases.slice(0, shown).map((base) => (
              <BaseRow
                key={base.id}
                base={base}
                reading={byBase.get(base.id)}
                chosen={chosen.has(base.id)}
                onTurn={() => turn(base.id)}
              />
            ))}
          </tbody>
        </table>
      </TableFrame>
      {bases.length > shown && (
        <div className="card-body">
          <Button onClick={() => setShown(shown + SHOWN)}>{t("common.more")}</Button>
        </div>
      )}
    </Card>
  );
}

interface BaseRowProps {
  readonly base: Base;
  readonly reading: BaseReading | undefined;
  readonly chosen: boolean;
  readonly onTurn: () => void;
}

function BaseRow({ base, reading, chosen, onTurn }: BaseRowProps) {
  const words = useWords();
  const { t, number } = words;
  const { name, state, cluster, modules, drift, problem } = base;
  return (
    <tr>
      <td>
        <input type="checkbox" aria-label={t("base.choose.one", { base: name })} checked={chosen} onChange={onTurn} />
      </td>
      <td>
        <strong>{name}</strong>
      </td>
      <td title={problem === null ? undefined : sentenceOf(problem, words).title}>
        <BaseBadge state={state} />
      </td>
      <td>{cluster ?? <span className="faint">{t("module.no.cluster")}</span>}</td>
      <td className="number">{modules.length}</td>
      <td className="number">{reading === undefined ? "–" : `${number(reading.cpuPercent)} %`}</td>
      <td className="number">{reading === undefined ? "–" : bytes(reading.rssBytes)}</td>
      <td className="number">{reading === undefined ? "–" : `${number(reading.loopDelayP99Ms)} ms`}</td>
      <td>{drift.length === 0 ? "–" : drift.map((one) => driftText(words, one)).join("; ")}</td>
    </tr>
  );
}
