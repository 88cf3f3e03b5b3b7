import type { Difference, Plan } from "@evenkeel/contracts/change-plan";
import { phraseOf } from "@evenkeel/contracts/phrase";
import { Badge, Notice } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { useWords } from "../locale/index.tsx";
import { areBases } from "./amount.ts";
import "./plan.css";

const NAMES = 5;

/** A batch that is called so already needs no badge that says so. */
export const isBeta = (name: string): boolean => phraseOf(name, "batch")?.code === "batch.beta";

/** The batches of a plan as a picture: one block a batch, one dot a host. */
export function Batches({ plan }: { readonly plan: Pick<Plan, "kind" | "groups" | "targets"> }) {
  const { t, duration, said } = useWords();
  const targetOf = new Map(plan.targets.map((target) => [target.targetId, target]));
  const nameOf = new Map(
    plan.targets.map(({ targetId, name, hostName, hostId }) => [
      targetId,
      hostId === null ? said(name, "group") : areBases(plan.kind) ? name : (hostName ?? name),
    ]),
  );
  const counted = areBases(plan.kind) ? "base.count" : "batch.hosts";
  const hosts = new Set(plan.targets.flatMap(({ targetId, hostId }) => (hostId === null ? [] : [targetId])));
  const namesIn = (ids: readonly string[]) =>
    `${ids
      .slice(0, NAMES)
      .map((id) => nameOf.get(id) ?? id)
      .join(", ")}${ids.length > NAMES ? " …" : ""}`;
  return (
    <ol className="batches">
      {plan.groups.flatMap((group) =>
        group.batches.map((batch) => (
          <li key={batch.batchId} className="batch-block">
            <span className="row tight">
              <strong>
                {plan.groups.length > 1 ? `${said(group.name, "group")} · ` : ""}
                {said(batch.name, "batch")}
              </strong>
              {batch.beta && !isBeta(batch.name) && (
                <Badge plain tone="idle">
                  {t("batch.beta")}
                </Badge>
              )}
            </span>
            <Dots targets={batch.targetIds.flatMap((id) => targetOf.get(id) ?? [])} />
            <span className="faint">
              {batch.targetIds.some((id) => hosts.has(id))
                ? t("common.pair", {
                    name: t(counted, { count: batch.targetIds.length }),
                    value: namesIn(batch.targetIds),
                  })
                : t("batch.users", { what: namesIn(batch.targetIds) })}
            </span>
            {batch.gate !== null && <span className="faint">{t(`batch.gate.${batch.gate}`)}</span>}
            {batch.bakeMs > 0 && <span className="faint">{t("batch.bakes", { time: duration(batch.bakeMs) })}</span>}
          </li>
        )),
      )}
    </ol>
  );
}

const DOTS = 120;

/** One dot a host; of a step of traffic those hosts that get more of it are full, and the others hollow. */
function Dots({ targets }: { readonly targets: Plan["targets"] }) {
  const hosts = targets.flatMap(({ targetId, watched }) =>
    watched === undefined
      ? [{ id: targetId, gains: true }]
      : watched.map(({ hostId, serviceId, gains }) => ({ id: `${targetId} ${hostId} ${serviceId}`, gains })),
  );
  return (
    <span className="dots" aria-hidden="true">
      {hosts.slice(0, DOTS).map(({ id, gains }) => (
        <span key={id} className={gains ? "" : "hollow"} />
      ))}
    </span>
  );
}

/** What becomes different, before and after side by side. */
export function Differences({ differences }: { readonly differences: readonly Difference[] }) {
  const { t, said } = useWords();
  if (differences.length === 0) return <p className="soft">{t("plan.same")}</p>;
  return (
    <TableFrame label={t("plan.differences")}>
      <table className="table">
        <thead>
          <tr>
            <th>{t("plan.field")}</th>
            <th>{t("plan.before")}</th>
            <th>{t("plan.after")}</th>
          </tr>
        </thead>
        <tbody>
          {differences.map(({ group, field, from, to }) => (
            <tr key={`${group} ${field}`} className="difference">
              <td>
                {group === undefined ? "" : `${group} · `}
                <Field name={field} />
              </td>
              <td className="mono before">{from === null ? "–" : said(from, "value")}</td>
              <td className="mono after">{to === null ? "–" : said(to, "value")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

/** A field of the platform's own in words, one of a manifest as it stands there. */
function Field({ name }: { readonly name: string }) {
  const { said } = useWords();
  return phraseOf(name, "field") === null ? <code className="mono">{name}</code> : said(name, "field");
}

export function PlanWarnings({ plan }: { readonly plan: Plan }) {
  const { t, said } = useWords();
  return (
    <>
      {plan.irreversible !== null && (
        <Notice tone="warn" title={t("plan.irreversible")}>
          {said(plan.irreversible)}
        </Notice>
      )}
      {plan.warnings.length > 0 && (
        <Notice tone="warn" title={t("change.warnings")}>
          {plan.warnings.map((warning) => (
            <span key={warning}>{said(warning)}</span>
          ))}
        </Notice>
      )}
    </>
  );
}
