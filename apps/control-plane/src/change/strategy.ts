import type { PlannedBatch } from "@evenkeel/contracts/change-plan";
import type { Budget, Strategy } from "@evenkeel/contracts/strategy";
import { bakeOf } from "./guard/watch.ts";

/** What the batching needs to know of a target. */
export interface BatchTarget {
  readonly targetId: string;
  readonly zone: string;
  readonly cell: string | null;
}

interface Slice {
  readonly name: string;
  readonly beta: boolean;
  readonly targets: readonly BatchTarget[];
}

/** Targets + strategy → batches. Beta targets come first and are taken out of their later batch. */
export function planBatches(targets: readonly BatchTarget[], strategy: Strategy, groupId: string): PlannedBatch[] {
  // A beta batch of everything would leave no batch behind it: then it is simply the first.
  const beta = targets.slice(0, Math.min(strategy.beta, targets.length));
  const betaIds = new Set(beta.map((target) => target.targetId));
  const slices: Slice[] = [
    ...(beta.length > 0 ? [{ name: "beta", beta: true, targets: beta }] : []),
    ...split(targets, strategy)
      .map((slice) => ({ ...slice, targets: slice.targets.filter((target) => !betaIds.has(target.targetId)) }))
      .filter((slice) => slice.targets.length > 0),
  ];
  return slices.map((slice, index) => ({
    batchId: `${groupId}/${index + 1}`,
    name: slice.name,
    beta: slice.beta,
    gate: needsConfirmation(strategy, index) ? "start" : null,
    bakeMs: bakeOf(strategy),
    targetIds: slice.targets.map((target) => target.targetId),
  }));
}

/** A confirmation stands before a batch: `first` = before the second, `each` = before all but the first. */
export function needsConfirmation(strategy: Strategy, index: number): boolean {
  return (strategy.confirm === "first" && index === 1) || (strategy.confirm === "each" && index > 0);
}

function split(targets: readonly BatchTarget[], { batches }: Strategy): Slice[] {
  if (batches === "all") return [{ name: "all", beta: false, targets }];
  if (batches === "each") return chunk(targets, 1);
  if ("size" in batches) return chunk(targets, batches.size);
  if ("percent" in batches) return chunk(targets, Math.ceil((targets.length * batches.percent) / 100));
  if ("count" in batches) return inParts(targets, batches.count);
  return byPlace(targets, batches.by);
}

function chunk(targets: readonly BatchTarget[], size: number): Slice[] {
  const slices: Slice[] = [];
  for (let at = 0; at < targets.length; at += size) {
    slices.push({ name: `batch ${slices.length + 1}`, beta: false, targets: targets.slice(at, at + size) });
  }
  return slices;
}

/** Exactly `count` batches (fewer where there are fewer targets), sizes differing by one at most, the larger ones last. */
function inParts(targets: readonly BatchTarget[], count: number): Slice[] {
  const parts = Math.min(count, targets.length);
  return Array.from({ length: parts }, (_, index) => ({
    name: `batch ${index + 1}`,
    beta: false,
    targets: targets.slice(
      Math.floor((index * targets.length) / parts),
      Math.floor(((index + 1) * targets.length) / parts),
    ),
  }));
}

function byPlace(targets: readonly BatchTarget[], by: "zone" | "cell"): Slice[] {
  const places = [...new Set(targets.map((target) => target[by] ?? ""))].sort();
  return places.map((place) => ({
    name: `${by} ${place === "" ? "(none)" : place}`,
    beta: false,
    targets: targets.filter((target) => (target[by] ?? "") === place),
  }));
}

/** How many targets may fail before the budget's action is taken. */
export function allowedFailures(budget: Budget, targets: number): number {
  if (typeof budget.failures === "number") return budget.failures;
  return Math.floor((targets * Number.parseInt(budget.failures, 10)) / 100);
}
