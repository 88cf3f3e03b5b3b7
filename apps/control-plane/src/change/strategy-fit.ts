import type { Plan, PlannedGroup, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { guardName } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";
import { guardsOf } from "./guard/watch.ts";
import { betaWish, hostNameOf, limitsOf } from "./strategy.ts";

/** What the strategies of a plan name and the world does not have, or what they want and forbid at once; null = they fit. */
export function strategyRefusal(plan: Plan): Refusal | null {
  const problem = plan.groups.map((group) => problemOf(plan, group)).find((found) => found !== null) ?? null;
  return problem === null ? null : refuse("STRATEGY_UNFIT", { problem });
}

function problemOf(plan: Plan, group: PlannedGroup): string | null {
  const { strategy } = group;
  if (strategy.zone !== undefined && group.batches.length === 0)
    return `zone: ${say("why.no-host-in-zone", { zone: strategy.zone })}`;
  return unknownHost(plan, group) ?? unknownBatch(plan, group) ?? unaskedGuard(plan, group) ?? largeBeta(plan, group);
}

function unknownHost({ targets }: Plan, { strategy }: PlannedGroup): string | null {
  const known = new Set(targets.map(hostNameOf));
  const beta = typeof strategy.beta === "number" ? [] : strategy.beta;
  const ordered = strategy.order.flatMap((by) => ("hosts" in by ? by.hosts : []));
  const missing = (names: readonly string[]) => names.find((name) => !known.has(name));
  const [inBeta, inOrder] = [missing(beta), missing(ordered)];
  if (inBeta !== undefined) return `beta: ${say("why.beta-unknown", { host: inBeta })}`;
  return inOrder === undefined ? null : `order: ${say("why.beta-unknown", { host: inOrder })}`;
}

/** Groups may share a strategy: it is enough when one of them has the batch. */
function unknownBatch({ groups }: Plan, { strategy: { confirm } }: PlannedGroup): string | null {
  if (typeof confirm === "string") return null;
  const known = new Set<string | number>(
    groups.flatMap(({ batches }) => batches.flatMap(({ name }, index) => [name, index + 1])),
  );
  const missing = confirm.find((batch) => !known.has(batch));
  if (missing === undefined) return null;
  const batches = groups.flatMap((group) => group.batches.map(({ name }) => name));
  return `confirm: ${say("why.no-batch", { batch: missing, batches })}`;
}

/** A question that nobody would ever ask must not look like one that was answered. */
function unaskedGuard({ groups }: Plan, group: PlannedGroup): string | null {
  const most = Math.max(...groups.map(({ batches }) => batches.length));
  for (const guard of guardsOf(group)) {
    if (guard.kind !== "http" || typeof guard.at === "string" || guard.at.nth <= most) continue;
    return `guards: ${say("why.guard-unasked", { guard: guardName(guard), number: guard.at.nth, count: most })}`;
  }
  return null;
}

function largeBeta({ targets }: Plan, { strategy, batches }: PlannedGroup): string | null {
  const mine = new Set(batches.flatMap(({ targetIds }) => targetIds));
  const its = targets.filter(({ targetId }) => mine.has(targetId));
  const wished = betaWish(its, strategy).length;
  const got = batches.find(({ beta }) => beta)?.targetIds.length ?? 0;
  if (got === wished) return null;
  const cap = strategy.cap !== undefined && wished > strategy.cap;
  const limit = cap ? `cap ${strategy.cap}` : `maxCellPercent ${strategy.maxCellPercent}`;
  return `beta: ${say("why.large-beta", { count: wished, limit })}`;
}

/** How a batch exceeds what its strategy allows; null = it does not. */
export function excessOf(
  group: Pick<PlannedGroup, "strategy">,
  all: readonly Pick<PlannedTarget, "cell">[],
  batch: readonly Pick<PlannedTarget, "cell">[],
): string | null {
  const limits = limitsOf(all, group.strategy);
  if (batch.length > limits.cap) return say("why.over-cap", { count: batch.length, limit: limits.cap });
  for (const [cell, its] of Map.groupBy(batch, (target) => target.cell)) {
    const limit = limits.ofCell.get(cell) ?? Number.POSITIVE_INFINITY;
    if (its.length <= limit) continue;
    const percent = group.strategy.maxCellPercent ?? 100;
    return say("why.over-cell", { count: its.length, cell: cell ?? "(none)", percent, limit });
  }
  return null;
}
