import type { Tree } from "@evenkeel/client/tree";
import type { BatchView, GroupView, TargetView } from "@evenkeel/contracts/change";
import type { Density } from "./tile.tsx";

/** One line of the board: lines are what is drawn as far as they are in sight. */
export type Row =
  | { readonly kind: "group"; readonly group: GroupView }
  | { readonly kind: "batch"; readonly batch: BatchView }
  | { readonly kind: "tiles"; readonly key: string; readonly targetIds: readonly string[]; readonly last: boolean };

export interface Board {
  readonly rows: readonly Row[];
  /** All hosts in the order of the board. */
  readonly order: readonly string[];
  readonly columns: number;
}

const WIDTHS: Readonly<Record<Density, number>> = { roomy: 208, compact: 140, dense: 20 };
const ROOMY_UP_TO = 60;
const COMPACT_UP_TO = 600;

export function densityOf(total: number): Density {
  if (total <= ROOMY_UP_TO) return "roomy";
  return total <= COMPACT_UP_TO ? "compact" : "dense";
}

/** The lines of a change on a board of this width. */
export function boardOf(tree: Tree, ordered: ReadonlyMap<string, readonly string[]>, width: number): Board {
  const { groups, targets } = tree.change;
  const columns = Math.max(1, Math.floor(width / WIDTHS[densityOf(targets.total)]));
  const order: string[] = [];
  const rows = groups.flatMap((group): Row[] => [
    ...(groups.length > 1 ? [{ kind: "group", group } as const] : []),
    ...group.batches.flatMap((batch) => {
      const ids = ordered.get(batch.batchId) ?? [];
      order.push(...ids);
      return [{ kind: "batch", batch } as const, ...tileRows(batch.batchId, ids, columns)];
    }),
  ]);
  return { rows, order, columns };
}

function tileRows(batchId: string, ids: readonly string[], columns: number): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < ids.length; at += columns) {
    const last = at + columns >= ids.length;
    rows.push({ kind: "tiles", key: `${batchId} ${at}`, targetIds: ids.slice(at, at + columns), last });
  }
  return rows;
}

const byName = new Intl.Collator("en", { numeric: true });

/** The hosts of each batch by name; where a host stands does not move while it is worked on. */
export function orderTargets(targets: Iterable<TargetView & { readonly batchId: string }>): Map<string, string[]> {
  const sorted = [...targets].sort((one, other) => byName.compare(one.name, other.name));
  const ordered = new Map<string, string[]>();
  for (const { batchId, targetId } of sorted) {
    const known = ordered.get(batchId);
    if (known === undefined) ordered.set(batchId, [targetId]);
    else known.push(targetId);
  }
  return ordered;
}

/** Where an arrow key leads from a host; lines of different batches are of different lengths. */
export function neighbour({ rows, order }: Board, from: string, key: string): string | undefined {
  const at = order.indexOf(from);
  if (key === "ArrowRight") return order[at + 1];
  if (key === "ArrowLeft") return order[at - 1];
  if (key === "Home") return order[0];
  if (key === "End") return order.at(-1);
  const lines = rows.flatMap((row) => (row.kind === "tiles" ? [row.targetIds] : []));
  const line = lines.findIndex((ids) => ids.includes(from));
  const next = lines[line + (key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0)];
  return next?.[Math.min(lines[line]?.indexOf(from) ?? 0, next.length - 1)];
}
