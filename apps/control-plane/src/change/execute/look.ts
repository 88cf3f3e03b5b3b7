/**
 * 1. A look measures and judges in the transaction that stores its verdict: killed anywhere, it is done again, and counts once.
 * 2. What follows from a verdict is decided on the stored row, by `decide`.
 */

import type { PlannedBatch, PlannedGroup } from "@evenkeel/contracts/change-plan";
import type { TargetState } from "@evenkeel/contracts/change-state";
import { guardName } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";
import type { ChangeDeps } from "../deps.ts";
import { judge, type Labels } from "../guard/index.ts";
import { type GuardDecision, guardAt, type Post } from "../guard/watch.ts";
import { type NamedPost, openAsk, readTimes, storeAnswer, storeLook } from "../store/verdict.ts";
import type { Work } from "./dispatch.ts";

type Look = Extract<GuardDecision, { kind: "look" }>;

/** Writes what one guard does now. */
export async function applyGuard(deps: ChangeDeps, work: Work, decision: GuardDecision): Promise<void> {
  const post = namePost(work, decision);
  switch (decision.kind) {
    case "look":
      return await look(deps, work, { decision, post });
    case "ask":
      return await openAsk(work.tx, post, "not answered yet");
    case "unanswered": {
      const said = work.snapshot.verdicts.find(
        (one) => one.batchId === post.batchId && one.guard === post.guard && one.when === post.when,
      );
      const text = say("verdict.too-late", { said: said?.text ?? say("verdict.unanswered") });
      return await storeAnswer(work.tx, post, { outcome: "no-data", final: true, text, evidence: {} });
    }
    default:
      return decision satisfies never;
  }
}

/** A post with the names by which people know it. */
export function namePost({ change, snapshot }: Pick<Work, "change" | "snapshot">, post: Post): NamedPost {
  const { batchId, guard, when } = post;
  const found = guardAt(snapshot, post);
  const name = found === null ? String(guard) : guardName(found);
  return { changeId: change.id, batchId, guard, when, name, batch: placeOf(snapshot, batchId).batch.name };
}

function placeOf({ plan }: Work["snapshot"], batchId: string): { group: PlannedGroup; batch: PlannedBatch } {
  for (const group of plan.groups) {
    const batch = group.batches.find((one) => one.batchId === batchId);
    if (batch !== undefined) return { group, batch };
  }
  throw new Error(`the plan has no batch ${batchId}`);
}

async function look(deps: ChangeDeps, work: Work, { decision, post }: { decision: Look; post: NamedPost }) {
  const guard = guardAt(work.snapshot, decision);
  if (guard === null || guard.kind === "http") throw new Error(`guard ${decision.guard} measures nothing`);
  const measured = await deps.measurements.measure(work.tx, await scopeOf(work, decision, guard));
  const finding = judge(guard, measured, { labels: labelsOf(work, decision), alpha: decision.alpha });
  const { final } = decision;
  // Before its last look a guard that finds nothing wrong has found nothing yet.
  const outcome = final || finding.outcome === "worse" ? finding.outcome : null;
  await storeLook(work.tx, post, { ...finding, outcome, final });
}

const UNTOUCHED: readonly TargetState[] = ["pending", "staging", "staged", "offline"];

async function scopeOf(
  { tx, change, snapshot }: Work,
  { batchId }: Post,
  { warmUpSeconds, kind }: { readonly warmUpSeconds: number; readonly kind: string },
) {
  const { group, batch } = placeOf(snapshot, batchId);
  const times = await readTimes(tx, change.id, batchId);
  const mine = new Set(group.batches.flatMap(({ targetIds }) => targetIds));
  const stood = new Map(times.targets.map((target) => [target.targetId, target]));
  const ofBatch = new Set(batch.targetIds);
  const targets = snapshot.plan.targets.flatMap(({ targetId, name, hostId, slot, from, watched }) => {
    const { state, finishedAt } = stood.get(targetId) ?? { state: "pending" as const, finishedAt: null };
    const changedAt = state === "succeeded" ? finishedAt : null;
    // One that moves traffic changed no host, but what each of those gets.
    if (watched !== undefined && ofBatch.has(targetId))
      return watched.map(({ gains, ...one }) => ({ ...one, changedAt: gains ? changedAt : null, untouched: !gains }));
    if (!mine.has(targetId) || hostId === null || slot === null) return [];
    return [{ name, hostId, serviceId: slot, from, changedAt, untouched: UNTOUCHED.includes(state) }];
  });
  return {
    of: kind === "error-rate" || kind === "latency" ? ("traffic" as const) : ("instances" as const),
    tenantId: change.tenant_id,
    batchStartedAt: times.batchStartedAt,
    changeStartedAt: times.changeStartedAt,
    warmUpSeconds,
    targets,
  };
}

function labelsOf({ snapshot }: Work, { batchId }: Post): Labels {
  const { group } = placeOf(snapshot, batchId);
  const mine = new Set(group.batches.flatMap(({ targetIds }) => targetIds));
  const targets = snapshot.plan.targets.filter(({ targetId }) => mine.has(targetId));
  const from = most(targets.map((target) => target.from));
  const to = most(targets.map((target) => target.to));
  if (from === to || to === null) {
    return { changed: say("side.changed"), unchanged: say("side.unchanged"), before: say("side.before") };
  }
  return {
    changed: to,
    unchanged: from ?? say("side.unchanged"),
    before: from === null ? say("side.it-before") : say("side.version-before", { version: from }),
  };
}

function most(values: readonly (string | null)[]): string | null {
  const counts = Map.groupBy(values, (value) => value);
  return [...counts].sort(([, one], [, other]) => other.length - one.length)[0]?.[0] ?? null;
}
