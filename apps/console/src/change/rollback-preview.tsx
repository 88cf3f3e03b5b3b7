import type { RollbackSpeed } from "@evenkeel/contracts/change";
import type { ChangeId } from "@evenkeel/contracts/id";
import { useQuery } from "@tanstack/react-query";
import { client } from "../connection.ts";
import { ErrorNotice } from "../kit/problem.tsx";
import { Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { Batches } from "./plan-view.tsx";

/** What a rollback would do now, planned by those who would do it. */
export function RollbackPreview({ changeId, speed }: { readonly changeId: ChangeId; readonly speed: RollbackSpeed }) {
  const { t } = useWords();
  const preview = useQuery({
    queryKey: ["rollback", changeId, speed],
    queryFn: () => client.planRollback({ params: { changeId }, body: { speed } }),
    gcTime: 0,
  });
  return (
    <section className="stack tight">
      <h3>{t("action.will")}</h3>
      {preview.isPending && <Skeleton lines={2} />}
      {preview.isError && <ErrorNotice error={preview.error} />}
      {preview.isSuccess && <Batches plan={preview.data.plan} />}
    </section>
  );
}
