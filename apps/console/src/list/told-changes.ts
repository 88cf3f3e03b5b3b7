import type { ChangeSummary } from "@evenkeel/contracts/change";

/** Of a filter: what is left out fits all. */
type Wanted = Readonly<Partial<Record<"state" | "kind", string>>>;

/** The changes that were read, as they stand now, and before them those that have come since and are wanted. */
export function withTold(
  read: readonly ChangeSummary[],
  told: readonly ChangeSummary[],
  wanted: Wanted,
): readonly ChangeSummary[] {
  const now = new Map(told.map((change) => [change.id, change]));
  const newest = read[0]?.id ?? "";
  const fits = ({ state, kind }: ChangeSummary) => (wanted.state ?? state) === state && (wanted.kind ?? kind) === kind;
  // Their ids ascend with time, and the newest stands first.
  const come = told.filter((change) => change.id > newest && fits(change));
  return [...come, ...read.map((change) => now.get(change.id) ?? change)];
}
