import type { ChangeSummary } from "@evenkeel/contracts/change";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import type { Words } from "../locale/index.tsx";

/** `moves`: so many are steps of traffic; null where that is not told. */
type Counts = ChangeSummary["targets"] & { readonly moves: number | null };

/** Whether the targets of a kind are processes that host modules. */
export const areBases = (kind: string): boolean => kind === MODULE_RELEASE || kind === MODULE_OPERATION;

/** How many targets are done, called what they are: hosts, bases, or steps of traffic; targets, where nobody says what they are. */
export function doneText({ t }: Pick<Words, "t">, kind: string, counts: Counts): string {
  const { total, moves, succeeded, skipped } = counts;
  const facts = { done: succeeded + skipped, total };
  if (areBases(kind)) return t("change.progress.bases", facts);
  if (moves === null) return t("change.progress.targets", facts);
  if (moves === 0) return t("change.progress", facts);
  if (moves === total) return t("change.progress.moves", facts);
  return t("change.progress.mixed", { ...facts, hosts: total - moves, moves });
}
