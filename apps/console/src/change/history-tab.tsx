import type { ChangeId } from "@evenkeel/contracts/id";
import { useQuery } from "@tanstack/react-query";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { useWords } from "../locale/index.tsx";

/** Who did what to this change, newest first. */
export function HistoryTab({ id, sequence }: { readonly id: ChangeId; readonly sequence: number }) {
  const { t, moment } = useWords();
  const audit = useQuery({
    queryKey: ["audit of", id],
    queryFn: () => client.listAudit({ query: { change: id, limit: 100 } }),
  });
  if (audit.isError) return <ErrorNotice error={audit.error} />;
  if (!audit.isSuccess) return <Skeleton lines={5} />;
  return (
    <Card
      flush
      title={t("change.history")}
      aside={
        <Button small icon="refresh" onClick={() => void audit.refetch()} title={String(sequence)}>
          {t("common.refresh")}
        </Button>
      }
    >
      {audit.data.items.length === 0 && <p className="card-body soft">{t("history.none")}</p>}
      <TableFrame label={t("change.history")}>
        <table className="table">
          <thead>
            <tr>
              <th>{t("history.at")}</th>
              <th>{t("common.by")}</th>
              <th>{t("history.what")}</th>
              <th>{t("common.state")}</th>
            </tr>
          </thead>
          <tbody>
            {audit.data.items.map((entry) => (
              <tr key={entry.id}>
                <td className="number">{moment(entry.at)}</td>
                <td>{entry.principal}</td>
                <td className="mono">{entry.action}</td>
                <td>
                  <Badge tone={entry.outcome === "done" ? "good" : "bad"}>{t(`audit.${entry.outcome}`)}</Badge>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </Card>
  );
}
