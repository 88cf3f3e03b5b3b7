import type { ChangeId, Digest } from "@evenkeel/contracts/id";
import { useQuery } from "@tanstack/react-query";
import { client } from "../connection.ts";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { Batches, Differences, PlanWarnings } from "./plan-view.tsx";

/** The frozen document that preview, approval and execution read. */
export function PlanTab({ id, digest }: { readonly id: ChangeId; readonly digest: Digest }) {
  const { t, duration, step, said } = useWords();
  const reply = useQuery({
    queryKey: ["plan", id, digest],
    queryFn: () => client.getPlan({ params: { changeId: id } }),
  });
  if (reply.isError) return <ErrorNotice error={reply.error} />;
  if (!reply.isSuccess) return <Skeleton lines={6} />;
  const { plan } = reply.data;
  const longest = plan.targets.toSorted((one, other) => other.steps.length - one.steps.length)[0];
  return (
    <div className="stack">
      <PlanWarnings plan={plan} />
      <Card title={t("plan.differences")} flush>
        <div className={plan.differences.length === 0 ? "card-body" : ""}>
          <Differences differences={plan.differences} />
        </div>
      </Card>
      <Card title={t("plan.batches")}>
        <Batches plan={plan} />
      </Card>
      <Card title={t("plan.steps")}>
        <ol className="row wrap">
          {[...(longest?.stage ?? []), ...(longest?.steps ?? [])].map(({ name }) => (
            <li key={name} className="badge plain tone-idle">
              {step(name)}
            </li>
          ))}
        </ol>
      </Card>
      <Card>
        <dl className="pairs">
          {plan.expectedMs !== null && (
            <>
              <dt>{t("plan.expected")}</dt>
              <dd className="number">{duration(plan.expectedMs)}</dd>
            </>
          )}
          <dt>{t("plan.basis")}</dt>
          <dd>
            {plan.basis
              .map(({ label, shown, version }) => `${said(label, "label")} ${said(shown ?? version, "value")}`)
              .join(", ")}
          </dd>
          <dt>{t("plan.digest")}</dt>
          <dd className="mono">{digest}</dd>
        </dl>
      </Card>
    </div>
  );
}
