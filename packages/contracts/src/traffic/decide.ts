import type { RouteTable, TableRule, TableSend, Way } from "../route-table.ts";
import { bucketOf } from "./bucket.ts";
import { compileCondition, type RequestView, readField, userKeyOf } from "./condition.ts";

/** What rules say of one request. */
export interface Decision<Rule = TableRule> {
  /** Every rule that fits, in its order; their faults, limits and mirrors apply. */
  readonly rules: readonly Rule[];
  /** Index in `rules` of the one that sends it; -1 = none, it goes home. */
  readonly sentBy: number;
  /** Names of subsets, the best first. */
  readonly chain: readonly string[];
  /** Of the way that was taken; null = it keeps the lane that it came with. */
  readonly lane: string | null;
  /** The cell that a rule has sent it to; null = it keeps its own. */
  readonly cell: string | null;
}

/** Decides on a request of a cell (null = of none); `serves` tells whether any instance of a subset takes requests. */
export type Decide<Rule = TableRule> = (
  view: RequestView,
  cell: string | null,
  serves: (subset: string) => boolean,
) => Decision<Rule>;

/** Makes the decision of one service. A rule with a condition `in` is looked at only by requests that have one of its values: two hundred such rules cost one look. */
export function compileRules<Rule extends TableRule>(rules: readonly Rule[], home: Way): Decide<Rule> {
  const tests = rules.map(({ conditions }) => conditions.map(compileCondition));
  const candidates = indexRules(rules);
  return (view, cell, serves) => {
    const fitting = candidates(view).filter((index) => tests[index]?.every((holds) => holds(view)));
    const fit = fitting.map((index) => rules[index] as Rule);
    for (const [sentBy, { send }] of fit.entries()) {
      if (send === null) continue;
      const way = wayOf(send, view);
      const chain = chainOf(way, cell);
      if (!send.next || chain.some(serves))
        return { rules: fit, sentBy, chain, lane: way.lane, cell: way.cell ?? null };
    }
    return { rules: fit, sentBy: -1, chain: chainOf(home, cell), lane: null, cell: null };
  };
}

function wayOf({ salt, key, ways }: TableSend, view: RequestView): TableSend["ways"][number] {
  const [first] = ways;
  if (ways.length === 1 && first !== undefined) return first;
  let left = bucketOf(salt, userKeyOf(view, key));
  for (const way of ways) {
    if (left < way.basisPoints) return way;
    left -= way.basisPoints;
  }
  return ways.at(-1) as TableSend["ways"][number];
}

function chainOf(way: Way, cell: string | null): readonly string[] {
  if (cell === null || way.cells.length === 0) return way.chain;
  return way.cells.find((each) => each.cell === cell)?.chain ?? way.chain;
}

interface Field {
  readonly condition: TableRule["conditions"][number];
  readonly byValue: Map<string, number[]>;
}

/** Which rules a request may fit, in their order. */
function indexRules(rules: readonly TableRule[]): (view: RequestView) => readonly number[] {
  const always: number[] = [];
  const fields = new Map<string, Field>();
  for (const [index, { conditions }] of rules.entries()) {
    const condition = conditions.find(({ not, test }) => !not && test.kind === "in");
    if (condition?.test.kind !== "in") {
      always.push(index);
      continue;
    }
    const key = `${condition.field} ${condition.name}`;
    const field = fields.get(key) ?? { condition, byValue: new Map<string, number[]>() };
    fields.set(key, field);
    for (const value of new Set(condition.test.values)) {
      field.byValue.set(value, [...(field.byValue.get(value) ?? []), index]);
    }
  }
  const indexed = [...fields.values()];
  return (view) => {
    let found: readonly number[] = always;
    for (const { condition, byValue } of indexed) {
      const value = readField(view, condition);
      const these = value === undefined ? undefined : byValue.get(value);
      if (these !== undefined)
        found = found.length === 0 ? these : [...found, ...these].sort((one, other) => one - other);
    }
    return found;
  };
}

/** The cell of a request that carries none: by the address it comes from, else by its share; null = none. */
export function cellAtEntry({
  callers,
  entry,
}: Pick<RouteTable, "callers" | "entry">): (view: RequestView) => string | null {
  const byAddress = new Map(callers.map(({ address, cell }) => [address, cell]));
  return (view) => {
    const known = byAddress.get(view.source);
    if (known !== undefined) return known;
    if (entry === null) return null;
    let left = bucketOf("cell", userKeyOf(view, entry.key));
    for (const { cell, basisPoints } of entry.cells) {
      if (left < basisPoints) return cell;
      left -= basisPoints;
    }
    return entry.cells.at(-1)?.cell ?? null;
  };
}
