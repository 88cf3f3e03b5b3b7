import { createHash } from "node:crypto";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { VerbBody } from "@evenkeel/contracts/change";
import type { LockRequest, Plan, PlannedBatch } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { Digest } from "@evenkeel/contracts/id";
import { bakeOf } from "./guard/watch.ts";
import type { Draft } from "./kind.ts";
import { needsConfirmation, planBatches } from "./strategy.ts";

/** Makes batches of a draft's groups: the frozen plan. */
export function freeze(kind: string, draft: Draft, locks: readonly LockRequest[]): Plan {
  const { groups, ...rest } = draft;
  return {
    ...rest,
    kind,
    locks: inCanonicalOrder(locks),
    groups: groups.map(({ targetIds, ...group }) => {
      const targets = targetIds.flatMap((id) => draft.targets.filter((target) => target.targetId === id));
      return { ...group, after: [...group.after], batches: planBatches(targets, group.strategy, group.groupId) };
    }),
  };
}

/** Everybody takes locks in this order, so that nobody waits for somebody who waits for him. */
export function inCanonicalOrder(locks: readonly LockRequest[]): LockRequest[] {
  return [...locks].sort((one, other) => (one.resource < other.resource ? -1 : one.resource > other.resource ? 1 : 0));
}

/** The digest by which people and approvals name a plan. */
export function planDigest(plan: Plan): Digest {
  return Digest.parse(`sha256:${createHash("sha256").update(canonicalJson(plan)).digest("hex")}`);
}

type Arrangement = NonNullable<VerbBody<"replan">["groups"]>;

/** Batches as a person arranged them: every target once, in its own group. */
export function rearrange(plan: Plan, arrangement: Arrangement): Plan | Refusal {
  const groups = [];
  for (const group of plan.groups) {
    const wanted = arrangement.find(({ groupId }) => groupId === group.groupId);
    if (wanted === undefined) {
      groups.push(group);
      continue;
    }
    const mine = new Set(group.batches.flatMap((batch) => batch.targetIds));
    const named = wanted.batches.flatMap((batch) => batch.targetIds);
    const problem = arrangementProblem(mine, named);
    if (problem !== null) return refuse("INPUT_INVALID", { problem: `groups.${group.groupId}: ${problem}` });
    const batches = wanted.batches.map(
      (batch, index): PlannedBatch => ({
        batchId: `${group.groupId}/${index + 1}`,
        name: batch.name,
        beta: false,
        gate: needsConfirmation(group.strategy, index) ? "start" : null,
        bakeMs: bakeOf(group.strategy),
        targetIds: batch.targetIds,
      }),
    );
    groups.push({ ...group, batches });
  }
  const unknown = arrangement.find(({ groupId }) => !plan.groups.some((group) => group.groupId === groupId));
  if (unknown !== undefined) return refuse("INPUT_INVALID", { problem: `there is no group ${unknown.groupId}` });
  return { ...plan, groups };
}

function arrangementProblem(mine: ReadonlySet<string>, named: readonly string[]): string | null {
  const foreign = named.find((id) => !mine.has(id));
  if (foreign !== undefined) return `${foreign} is not a target of this group`;
  if (new Set(named).size !== named.length) return "a target stands in two batches";
  const missing = [...mine].find((id) => !named.includes(id));
  return missing === undefined ? null : `${missing} is in no batch`;
}

/** Without versions that a person knows the name alone says more. */
function fromTo(from: string | undefined, to: string | undefined): string {
  if (from === undefined || to === undefined) return "";
  return from === to ? ` (${from}, with another content)` : ` (${from} → ${to})`;
}

/** What of the plan's basis is no longer so, in words. */
export function movedSince(plan: Plan, now: Plan["basis"]): string[] {
  const current = new Map(now.map((entry) => [entry.resource, entry]));
  const before = new Set(plan.basis.map((entry) => entry.resource));
  return [
    ...plan.basis.flatMap((planned) => {
      const { resource, version, label } = planned;
      const entry = current.get(resource);
      if (entry === undefined) return [`${label} (gone)`];
      return entry.version === version ? [] : [`${label}${fromTo(planned.shown, entry.shown)}`];
    }),
    ...now.filter(({ resource }) => !before.has(resource)).map(({ label }) => `${label} (new)`),
  ];
}
