import type { PlannedBatch, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";
import type { Budget, Strategy, TargetOrder } from "@evenkeel/contracts/strategy";
import { bakeOf } from "./guard/watch.ts";

/** What the batching needs to know of a target. */
export type BatchTarget = Pick<PlannedTarget, "targetId" | "name" | "hostName" | "zone" | "cell" | "labels">;

/** The name by which a strategy lists a target. */
export const hostNameOf = ({ name, hostName }: Pick<BatchTarget, "name" | "hostName">): string => hostName ?? name;

interface Slice {
  /** Null = called by its place among the batches. */
  readonly name: string | null;
  readonly beta: boolean;
  readonly targets: readonly BatchTarget[];
}

/** Targets + strategy → batches. Beta targets come first and are taken out of their later batch. */
export function planBatches(all: readonly BatchTarget[], strategy: Strategy, groupId: string): PlannedBatch[] {
  const targets = inOrder(all, strategy.order);
  const limits = limitsOf(targets, strategy);
  // A beta batch of everything would leave no batch behind it: then it is simply the first.
  const { taken: beta } = fill(betaWish(targets, strategy), limits);
  const betaIds = new Set(beta.map((target) => target.targetId));
  const slices: Slice[] = [
    ...(beta.length > 0 ? [{ name: say("batch.beta"), beta: true, targets: beta }] : []),
    ...split(targets, strategy)
      .map((slice) => ({ ...slice, targets: slice.targets.filter((target) => !betaIds.has(target.targetId)) }))
      .flatMap((slice) => withinLimits(slice, limits)),
  ];
  return slices.map((slice, index) => {
    const name = slice.name ?? say("batch.numbered", { number: index + 1 });
    return {
      batchId: `${groupId}/${index + 1}`,
      name,
      beta: slice.beta,
      gate: needsConfirmation(strategy, { index, name }) ? strategy.gate : null,
      bakeMs: bakeOf(strategy),
      targetIds: slice.targets.map((target) => target.targetId),
    };
  });
}

/** Whether a person confirms this batch; where the confirmation stands says the strategy's `gate`. */
export function needsConfirmation(
  { confirm, gate }: Strategy,
  { index, name }: { readonly index: number; readonly name: string },
): boolean {
  // Before the first batch nothing is known yet; before its traffic something is.
  const first = gate === "traffic" ? 0 : 1;
  if (confirm === "none") return false;
  if (confirm === "first") return index === first;
  if (confirm === "each") return index >= first;
  return confirm.includes(index + 1) || confirm.includes(name);
}

// ── order ─────────────────────────────────────────────────────────────────────

function inOrder(targets: readonly BatchTarget[], order: readonly TargetOrder[]): readonly BatchTarget[] {
  if (order.length === 0) return targets;
  const comparisons = order.map(comparison);
  return targets.toSorted((one, other) => {
    for (const compare of comparisons) {
      const difference = compare(one, other);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

type Comparison = (one: BatchTarget, other: BatchTarget) => number;

function comparison(by: TargetOrder): Comparison {
  if ("zones" in by) return listed(by.zones, (target) => target.zone);
  if ("cells" in by) return listed(by.cells, (target) => target.cell);
  if ("hosts" in by) return listed(by.hosts, hostNameOf);
  const valueIn = (target: BatchTarget) => target.labels?.[by.label] ?? null;
  return by.values === undefined ? natural(valueIn) : listed(by.values, valueIn);
}

/** What is not listed comes behind, all of it equal. */
function listed(values: readonly string[], valueIn: (target: BatchTarget) => string | null): Comparison {
  const places = new Map(values.map((value, index) => [value, index] as const));
  const placeOf = (target: BatchTarget) => places.get(valueIn(target) ?? "") ?? values.length;
  return (one, other) => placeOf(one) - placeOf(other);
}

function natural(valueIn: (target: BatchTarget) => string | null): Comparison {
  return (one, other) => {
    const [a, b] = [valueIn(one), valueIn(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return a.localeCompare(b, "en", { numeric: true });
  };
}

// ── limits ────────────────────────────────────────────────────────────────────

/** What no batch may exceed. */
export interface BatchLimits {
  readonly cap: number;
  /** Targets of a cell that one batch may take at most. */
  readonly ofCell: ReadonlyMap<string | null, number>;
}

/** The limits of a strategy over these targets; those without a cell count as one cell. */
export function limitsOf(targets: readonly Pick<BatchTarget, "cell">[], strategy: Strategy): BatchLimits {
  const cap = strategy.cap ?? Number.POSITIVE_INFINITY;
  const { maxCellPercent } = strategy;
  if (maxCellPercent === undefined) return { cap, ofCell: new Map() };
  const cells = Map.groupBy(targets, ({ cell }) => cell);
  const share = (total: number) => Math.max(1, Math.floor((total * maxCellPercent) / 100));
  return { cap, ofCell: new Map([...cells].map(([cell, its]) => [cell, share(its.length)])) };
}

/** As many of them as fit into one batch, in their order, and the rest. */
export function fill<Target extends Pick<BatchTarget, "cell">>(
  targets: readonly Target[],
  { cap, ofCell }: BatchLimits,
): { readonly taken: readonly Target[]; readonly left: readonly Target[] } {
  const taken: Target[] = [];
  const left: Target[] = [];
  const counts = new Map<string | null, number>();
  for (const target of targets) {
    const count = counts.get(target.cell) ?? 0;
    const fits = taken.length < cap && count < (ofCell.get(target.cell) ?? Number.POSITIVE_INFINITY);
    (fits ? taken : left).push(target);
    if (fits) counts.set(target.cell, count + 1);
  }
  return { taken, left };
}

function partsOf(targets: readonly BatchTarget[], limits: BatchLimits): (readonly BatchTarget[])[] {
  if (limits.ofCell.size === 0) {
    const size = Math.min(limits.cap, Math.max(1, targets.length));
    return chunk(targets, size).map((part) => part.targets);
  }
  const parts: (readonly BatchTarget[])[] = [];
  for (let rest = targets; rest.length > 0; ) {
    const { taken, left } = fill(rest, limits);
    parts.push(taken);
    rest = left;
  }
  return parts;
}

/** The slice as one batch, or as several where it is too large for one. */
function withinLimits(slice: Slice, limits: BatchLimits): Slice[] {
  const parts = partsOf(slice.targets, limits);
  const nameOf = (index: number) =>
    slice.name === null ? null : say("batch.part", { batch: slice.name, number: index + 1 });
  return parts.map((targets, index) => ({ ...slice, name: parts.length === 1 ? slice.name : nameOf(index), targets }));
}

// ── batches ───────────────────────────────────────────────────────────────────

/** The targets that are to go first, whether or not they fit into one batch. */
export function betaWish<Target extends Pick<BatchTarget, "name" | "hostName">>(
  targets: readonly Target[],
  { beta }: Strategy,
): readonly Target[] {
  if (typeof beta === "number") return targets.slice(0, beta);
  return targets.filter((target) => beta.includes(hostNameOf(target)));
}

function split(targets: readonly BatchTarget[], { batches }: Strategy): Slice[] {
  if (batches === "all") return chunk(targets, Math.max(1, targets.length));
  if (batches === "each") return chunk(targets, 1);
  if ("size" in batches) return chunk(targets, batches.size);
  if ("percent" in batches) return chunk(targets, Math.ceil((targets.length * batches.percent) / 100));
  if ("count" in batches) return inParts(targets, batches.count);
  return byPlace(targets, batches.by);
}

const slice = (targets: readonly BatchTarget[], name: string | null = null): Slice => ({ name, beta: false, targets });

function chunk(targets: readonly BatchTarget[], size: number): Slice[] {
  const slices: Slice[] = [];
  for (let at = 0; at < targets.length; at += size) slices.push(slice(targets.slice(at, at + size)));
  return slices;
}

/** Exactly `count` batches (fewer where there are fewer targets), sizes differing by one at most, the larger ones last. */
function inParts(targets: readonly BatchTarget[], count: number): Slice[] {
  const parts = Math.min(count, targets.length);
  return Array.from({ length: parts }, (_, index) =>
    slice(
      targets.slice(Math.floor((index * targets.length) / parts), Math.floor(((index + 1) * targets.length) / parts)),
    ),
  );
}

const NONE = "(none)";

/** Places in the order of their first targets. */
function byPlace(targets: readonly BatchTarget[], by: "zone" | "cell"): Slice[] {
  const places = Map.groupBy(targets, (target) => target[by]);
  return [...places].map(([place, its]) =>
    slice(its, by === "zone" ? say("place.zone", { zone: place ?? NONE }) : say("place.cell", { cell: place ?? NONE })),
  );
}

/** How many targets may fail before the budget's action is taken. */
export function allowedFailures(budget: Budget, targets: number): number {
  if (typeof budget.failures === "number") return budget.failures;
  return Math.floor((targets * Number.parseInt(budget.failures, 10)) / 100);
}
