import type { PlannedBatch, PlannedGroup } from "@evenkeel/contracts/change-plan";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { type Guard, guardName, type HttpGuard } from "@evenkeel/contracts/guard";
import type { Strategy } from "@evenkeel/contracts/strategy";
import { batchOf, isSettled, needsBake, nextBatch } from "../batch.ts";
import type { PauseCause, Snapshot, VerdictSnapshot } from "../snapshot.ts";

/** One guard at one batch. */
export interface Post {
  readonly batchId: string;
  readonly guard: number;
  readonly when: "before" | "after";
}

export type GuardDecision =
  /** Measure and judge. */
  | (Post & { readonly kind: "look"; readonly final: boolean; readonly alpha: number })
  /** Ask somebody outside. */
  | (Post & { readonly kind: "ask" })
  /** Nobody answered in time. */
  | (Post & { readonly kind: "unanswered" });

/** What is to be done for the guards of a batch; `passed`: they hold it up no longer. */
export interface Watch {
  readonly passed: boolean;
  readonly decisions: readonly GuardDecision[];
}

/** Of all looks of one guard in one change together: so likely is an alarm without a cause. */
const ALPHA = 0.01;
const EVENLY = 8;
const SHORTEST_MS = 2000;

/** Plans of earlier versions have none. */
export const guardsOf = ({ strategy }: Pick<PlannedGroup, "strategy">): readonly Guard[] => strategy.guards ?? [];

const windowOf = (guard: Guard): number => (guard.kind === "http" ? 0 : guard.windowSeconds * 1000);

/** A batch bakes for as long as its longest guard watches. */
export function bakeOf(strategy: Strategy): number {
  return Math.max(Math.round(strategy.bakeSeconds * 1000), ...guardsOf({ strategy }).map(windowOf));
}

export function verdictAt(snapshot: Snapshot, post: Post): VerdictSnapshot | null {
  const { batchId, guard, when } = post;
  return snapshot.verdicts.find((one) => one.batchId === batchId && one.guard === guard && one.when === when) ?? null;
}

/** What must have been answered before the batch begins. */
export function watchBefore(snapshot: Snapshot, group: PlannedGroup, batch: PlannedBatch): Watch {
  return combine(
    guardsOf(group).flatMap((guard, index) =>
      guard.kind === "http" && guard.when === "before" && isAt(guard, group, batch)
        ? [askOne(snapshot, guard, { batchId: batch.batchId, guard: index, when: "before" })]
        : [],
    ),
  );
}

/** What the guards do while the batch runs and bakes, and before it is finished. */
export function watchAfter(snapshot: Snapshot, group: PlannedGroup, batch: PlannedBatch): Watch {
  if (!isWatched(snapshot, batch)) return { passed: true, decisions: [] };
  const over = isSettled(snapshot, batch) && !needsBake(snapshot, batch);
  return combine(
    guardsOf(group).flatMap((guard, index): Watch[] => {
      const post = { batchId: batch.batchId, guard: index, when: "after" } as const;
      if (guard.kind !== "http") return [lookOne(snapshot, { guard, post, over })];
      if (guard.when !== "after" || !isAt(guard, group, batch)) return [];
      return [over ? askOne(snapshot, guard, post) : { passed: false, decisions: [] }];
    }),
  );
}

const combine = (watches: readonly Watch[]): Watch => ({
  passed: watches.every(({ passed }) => passed),
  decisions: watches.flatMap(({ decisions }) => decisions),
});

function isAt({ at }: HttpGuard, group: PlannedGroup, batch: PlannedBatch): boolean {
  const index = group.batches.findIndex(({ batchId }) => batchId === batch.batchId);
  if (at === "each") return true;
  if (at === "first") return index === 0;
  return at === "last" ? index === group.batches.length - 1 : index === at.nth - 1;
}

/** There is nothing to watch in a batch as long as nothing in it was changed. */
const isWatched = (snapshot: Snapshot, batch: PlannedBatch): boolean =>
  batch.targetIds.some((id) => snapshot.targets.get(id)?.state === "succeeded");

const isDone = ({ outcome, final, overruled }: VerdictSnapshot): boolean =>
  overruled || outcome === "worse" || (final && outcome !== null);

const isPassed = ({ outcome, final, overruled }: VerdictSnapshot): boolean =>
  overruled || (final && outcome === "pass");

interface Looking {
  readonly guard: Exclude<Guard, { kind: "http" }>;
  readonly post: Post;
  /** The batch has come to its end: this look is the last. */
  readonly over: boolean;
}

function lookOne(snapshot: Snapshot, { guard, post, over }: Looking): Watch {
  const verdict = verdictAt(snapshot, post);
  if (verdict !== null && isDone(verdict)) return { passed: isPassed(verdict), decisions: [] };
  const look = (verdict?.looks ?? 0) + 1;
  const watchedMs = snapshot.batches.get(post.batchId)?.watchedMs ?? 0;
  if (!over && watchedMs < dueMs(windowOf(guard), look)) return { passed: false, decisions: [] };
  const alpha = (ALPHA / batchCount(snapshot)) * spending(look, over);
  return { passed: false, decisions: [{ kind: "look", ...post, final: over, alpha }] };
}

const batchCount = ({ plan }: Snapshot): number => plan.groups.reduce((sum, { batches }) => sum + batches.length, 0);

/** Half for the last look, the other half for all before it: 1/2 + 1/6 + 1/12 + … = 1. */
export const spending = (look: number, final: boolean): number => (final ? 1 / 2 : 1 / (2 * look * (look + 1)));

/** After how much watching a look is due: four in each window, later one. */
export function dueMs(windowMs: number, look: number): number {
  const everyMs = Math.max(SHORTEST_MS, windowMs / 4);
  return Math.min(look, EVENLY) * everyMs + Math.max(0, look - EVENLY) * Math.max(everyMs, windowMs);
}

function askOne(snapshot: Snapshot, guard: HttpGuard, post: Post): Watch {
  const verdict = verdictAt(snapshot, post);
  if (verdict === null) return { passed: false, decisions: [{ kind: "ask", ...post }] };
  if (isDone(verdict)) return { passed: isPassed(verdict), decisions: [] };
  const late = verdict.elapsedMs >= guard.timeoutSeconds * 1000;
  return { passed: false, decisions: late ? [{ kind: "unanswered", ...post }] : [] };
}

/** Under this name the time is charged for which a batch was watched, or an answer waited for. */
export const watchId = (batchId: string): string => `watch ${batchId}`;
export const askId = ({ batchId, guard, when }: Post): string => `ask ${batchId} ${guard} ${when}`;

/** Everything whose time guards count. */
export function guardClocks(snapshot: Snapshot): string[] {
  const watched = snapshot.plan.groups.flatMap((group) => {
    const batch = guardsOf(group).some(({ kind }) => kind !== "http") ? nextBatch(snapshot, group) : null;
    const started = batch !== null && batchOf(snapshot, batch).started;
    return started && isWatched(snapshot, batch) ? [watchId(batch.batchId)] : [];
  });
  return [...watched, ...openAsks(snapshot).map(askId)];
}

/** Questions to which there is no answer yet. */
export function openAsks(snapshot: Snapshot): VerdictSnapshot[] {
  return snapshot.verdicts.filter((verdict) => verdict.asking && !isDone(verdict));
}

export interface Alarm {
  readonly kind: "change";
  readonly to: "pausing" | "rolling-back";
  readonly problem: Problem;
  readonly pauseCause: PauseCause;
}

/** Verdicts that stand against going on. */
export const objections = (snapshot: Pick<Snapshot, "verdicts">): VerdictSnapshot[] =>
  snapshot.verdicts.filter(
    ({ outcome, final, overruled }) => !overruled && (outcome === "worse" || (outcome === "no-data" && final)),
  );

/** A guard has found the changed targets worse, or nothing to judge by; nothing rolls a rollback back by itself. */
export function guardAlarm(snapshot: Snapshot): Alarm | null {
  const found = objections(snapshot).map((verdict) => ({ verdict, guard: guardAt(snapshot, verdict) }));
  const may = !snapshot.isRollback && snapshot.plan.irreversible === null;
  const decisive = found.find(({ verdict, guard }) => verdict.outcome === "worse" && guard?.action === "rollback");
  const first = (may ? decisive : undefined) ?? found[0];
  if (first === undefined) return null;
  const to = may && first === decisive ? "rolling-back" : "pausing";
  return { kind: "change", to, problem: problemOfVerdict(snapshot, first.verdict), pauseCause: "guard" };
}

/** The guard that a verdict is of. */
export function guardAt({ plan }: Pick<Snapshot, "plan">, { batchId, guard }: Omit<Post, "when">): Guard | null {
  const group = plan.groups.find(({ batches }) => batches.some((batch) => batch.batchId === batchId));
  return group === undefined ? null : (guardsOf(group)[guard] ?? null);
}

function problemOfVerdict(snapshot: Snapshot, verdict: VerdictSnapshot): Problem {
  const guard = guardAt(snapshot, verdict);
  const batches = snapshot.plan.groups.flatMap((group) => group.batches);
  const facts = {
    guard: guard === null ? `${verdict.guard}` : guardName(guard),
    batch: batches.find(({ batchId }) => batchId === verdict.batchId)?.name ?? verdict.batchId,
    evidence: verdict.text,
  };
  return problemOf(verdict.outcome === "worse" ? "GUARD_WORSE" : "GUARD_NO_DATA", facts);
}
