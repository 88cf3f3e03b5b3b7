import type { SetTrafficRule, TrafficRule } from "@evenkeel/contracts/traffic-rule";
import { Link } from "wouter";
import { client } from "../connection.ts";
import { LinkButton } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { Badge } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";
import { conditionsOf, destinationsOf } from "./draft.ts";
import { TryRequest } from "./try-request.tsx";
import "./traffic.css";

const columnsOf = (workspace: string): readonly Column<TrafficRule>[] => [
  { name: "rule.priority", show: ({ priority }) => <span className="number">{priority}</span> },
  {
    name: "common.name",
    show: ({ name }) => (
      <Link className="link" href={`/w/${workspace}/traffic-rules/${name}`}>
        {name}
      </Link>
    ),
  },
  { name: "chart.service", show: ({ service }) => service },
  { name: "rule.whom", show: (rule) => <Whom rule={rule} /> },
  { name: "rule.what", show: (rule) => <What rule={rule} /> },
  { name: "common.created", show: ({ createdAt }) => <Ago at={createdAt} /> },
];

function Whom({ rule }: { readonly rule: TrafficRule }) {
  const { t } = useWords();
  const lines = conditionsOf(rule);
  if (lines.length === 0) return <span className="soft">{t("rule.everybody")}</span>;
  return (
    <span className="stack tight">
      {lines.map(({ where, name, test, value, not }) => (
        <span key={`${where} ${name} ${test} ${value}`} className="mono rule-text">
          {[name === "" ? where : `${where} ${name}`, not ? t("rule.not") : "", t(`rule.test.${test}`), value]
            .filter((each) => each !== "" && each !== "true")
            .join(" ")}
        </span>
      ))}
    </span>
  );
}

/** What a rule does, effect by effect. */
export function What({
  rule,
}: {
  readonly rule: Pick<SetTrafficRule, "send" | "mirror" | "fault" | "rateLimit" | "concurrency">;
}) {
  const { t } = useWords();
  const { mirror, fault, rateLimit, concurrency } = rule;
  return (
    <span className="row tight wrap">
      {destinationsOf(rule).map(({ place, value, percent, lane }) => (
        <Badge key={`${place} ${value}`} plain tone="busy">
          {`${percent} % → ${place === "all" ? t("rule.place.all") : `${t(`rule.place.${place}`)} ${value}`}${lane === "" ? "" : ` · ${lane}`}`}
        </Badge>
      ))}
      {mirror && (
        <Badge plain tone="idle">
          {t("rule.mirror", { percent: mirror.percent })}
        </Badge>
      )}
      {fault?.delay && (
        <Badge plain tone="warn">
          {t("rule.delay", { ...fault.delay })}
        </Badge>
      )}
      {fault?.abort && (
        <Badge plain tone="warn">
          {t("rule.abort", { ...fault.abort })}
        </Badge>
      )}
      {rateLimit && (
        <Badge plain tone="idle">
          {t("rule.rate", { requests: rateLimit.requests, seconds: rateLimit.perSeconds })}
        </Badge>
      )}
      {concurrency && (
        <Badge plain tone="idle">
          {t("rule.concurrency", { requests: concurrency.requests })}
        </Badge>
      )}
    </span>
  );
}

/** The rules of a workspace, in the order in which gateways look at them, and what they would do with a request. */
export function RuleList({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  return (
    <ListPage
      title="page.rules"
      lead={t("rule.lead")}
      of={`traffic rules of ${workspace}`}
      read={(query) => client.listTrafficRules({ query: { workspace, ...query } as never })}
      columns={columnsOf(workspace)}
      keyOf={({ id }) => id}
      filters={[{ name: "service", label: "chart.service" }]}
      empty={{
        icon: "rule",
        title: "rule.none",
        hint: "rule.none.hint",
        command: "evenkeel traffic-rule set traffic.yaml",
      }}
      above={() => <TryRequest workspace={workspace} />}
      live={(items) =>
        items.toSorted((one, other) => one.service.localeCompare(other.service) || one.priority - other.priority)
      }
      actions={
        <LinkButton look="primary" icon="plus" needs="route-change:create" href={`/w/${workspace}/new-traffic-rule`}>
          {t("rule.new")}
        </LinkButton>
      }
    />
  );
}
