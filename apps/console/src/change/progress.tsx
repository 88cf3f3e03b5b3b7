import type { ChangeSummary } from "@evenkeel/contracts/change";
import { Bar } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";

type Counts = ChangeSummary["targets"];

/** How many hosts are done, in hand, failed and ahead. */
export function Progress({ counts }: { readonly counts: Counts }) {
  const { t } = useWords();
  const { total, succeeded, failed, running, skipped, offline, unknown } = counts;
  const pending = total - succeeded - failed - running - skipped - offline - unknown;
  const label = t("change.progress.label", { succeeded, running, failed, pending });
  return (
    <div className="stack tight progress">
      <Bar
        label={label}
        parts={[
          { tone: "good", count: succeeded },
          { tone: "busy", count: running },
          { tone: "bad", count: failed },
          { tone: "warn", count: offline + unknown },
          { tone: "idle", count: pending + skipped },
        ]}
      />
      <span className="faint number">{t("change.progress", { done: succeeded + skipped, total })}</span>
    </div>
  );
}
