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
    return `zone: no host of this change stands in zone ${strategy.zone}`;
  return unknownHost(plan, group) ?? unknownBatch(plan, group) ?? unaskedGuard(plan, group) ?? largeBeta(plan, group);
}

function unknownHost({ targets }: Plan, { strategy }: PlannedGroup): string | null {
  const known = new Set(targets.map(hostNameOf));
  const beta = typeof strategy.beta === "number" ? [] : strategy.beta;
  const ordered = strategy.order.flatMap((by) => ("hosts" in by ? by.hosts : []));
  const missing = (names: readonly string[]) => names.find((name) => !known.has(name));
  const [inBeta, inOrder] = [missing(beta), missing(ordered)];
  if (inBeta !== undefined) return `beta: ${inBeta} is no host of this change`;
  return inOrder === undefined ? null : `order: ${inOrder} is no host of this change`;
}

/** Groups may share a strategy: it is enough when one of them has the batch. */
function unknownBatch({ groups }: Plan, { strategy: { confirm } }: PlannedGroup): string | null {
  if (typeof confirm === "string") return null;
  const known = new Set<string | number>(
    groups.flatMap(({ batches }) => batches.flatMap(({ name }, index) => [name, index + 1])),
  );
  const missing = confirm.find((batch) => !known.has(batch));
  if (missing === undefined) return null;
  const names = groups.flatMap(({ batches }) => batches.map(({ name }) => name)).join(", ");
  return `confirm: there is no batch ${missing} (there are ${names})`;
}

/** A question that nobody would ever ask must not look like one that was answered. */
function unaskedGuard({ groups }: Plan, group: PlannedGroup): string | null {
  const most = Math.max(...groups.map(({ batches }) => batches.length));
  for (const guard of guardsOf(group)) {
    if (guard.kind !== "http" || typeof guard.at === "string" || guard.at.nth <= most) continue;
    return `guards: ${guardName(guard)} is for batch ${guard.at.nth}, and there are ${most}`;
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
  if (batch.length > limits.cap) return `${batch.length} hosts are more than cap ${limits.cap}`;
  for (const [cell, its] of Map.groupBy(batch, (target) => target.cell)) {
    const limit = limits.ofCell.get(cell) ?? Number.POSITIVE_INFINITY;
    if (its.length > limit)
      return `${its.length} hosts of cell ${cell ?? "(none)"} are more than maxCellPercent ${group.strategy.maxCellPercent} allows (${limit})`;
  }
  return null;
}
