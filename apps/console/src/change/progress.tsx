import { movesOf } from "@evenkeel/client/text/line";
import type { Change, ChangeSummary } from "@evenkeel/contracts/change";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import { Bar } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { doneText } from "./amount.ts";

type Groups = Pick<Change, "groups">;

/** A list does not tell what targets are. All of a change of traffic move it, and some of a release may, by shares or between cells. */
function movesIn(kind: string, total: number): number | null {
  if (kind === ROUTE_CHANGE) return total;
  return kind === "release-order" ? null : 0;
}

/** How many targets are done, in hand, failed and ahead. */
export function Progress({ change }: { readonly change: Pick<ChangeSummary, "kind" | "targets"> & Partial<Groups> }) {
  const { kind, targets } = change;
  const moves = change.groups === undefined ? movesIn(kind, targets.total) : movesOf({ groups: change.groups });
  const words = useWords();
  const { total, succeeded, failed, running, skipped, offline, unknown } = targets;
  const pending = total - succeeded - failed - running - skipped - offline - unknown;
  const label = words.t("change.progress.label", { succeeded, running, failed, pending });
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
      <span className="faint number">{doneText(words, kind, { ...targets, moves })}</span>
    </div>
  );
}
