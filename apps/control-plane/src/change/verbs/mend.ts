import type { VerbBody } from "@evenkeel/contracts/change";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeDeps } from "../deps.ts";
import { retryOf } from "../retry.ts";
import { lostTracks, targetActions } from "../show/actions.ts";
import { LOST_TARGETS, RETRYABLE_TARGETS } from "../state.ts";
import { moveChange, wake } from "../store/change.ts";
import { appendEvents } from "../store/event.ts";
import { beginRounds, markBatch, markReattach, moveTargets } from "../store/progress.ts";
import { endAttempt } from "../store/step.ts";
import { plannedOf } from "../track.ts";
import { type Ask, type VerbContext, withVerb } from "./context.ts";

/** Runs exactly the targets again that were lost, or those of them that are named. */
export async function retry(deps: ChangeDeps, ask: Ask, body: VerbBody<"retry">): Promise<void> {
  await withVerb(deps, { ask, action: "retry" }, async (context) => {
    const { tx, change, snapshot, by } = context;
    const lost = snapshot.plan.targets
      .map(({ targetId }) => targetId)
      .filter((id) => RETRYABLE_TARGETS.includes(snapshot.targets.get(id)?.state ?? "pending"));
    const chosen = [...new Set(body.targetIds ?? lost)];
    for (const targetId of chosen) mustBe(context, targetId, "retry");
    const begun = chosen.flatMap((targetId) => retried(context, targetId));
    const frame = body.targetIds === undefined ? lostTracks(snapshot) : [];
    const rounds = [...begun.map(({ round }) => round), ...frame.map((targetId) => ({ targetId, fromIndex: 0 }))];
    await beginRounds(tx, change.id, rounds);
    await moveTargets(
      tx,
      change.id,
      begun.map(({ move }) => move),
    );
    await reopenBatches(context, chosen);
    await appendEvents(tx, change.id, [{ type: "verb", data: { action: "retry", targetIds: chosen, by } }]);
    if (change.state === "failed") await moveChange(tx, change, { to: "running", problem: null, by });
    else await wake(tx, change.id);
  });
}

function mustBe({ snapshot }: VerbContext, targetId: string, action: "retry" | "skip"): void {
  const state = snapshot.targets.get(targetId)?.state;
  if (state === undefined || plannedOf(snapshot.plan, targetId) === undefined)
    throw new PlatformError("TARGET_UNKNOWN", { target: targetId });
  const allowed = targetActions(["retry", "skip", "declare-lost"], snapshot, targetId);
  if (!allowed.includes(action)) {
    throw new PlatformError("ACTION_NOT_ALLOWED", {
      action,
      resource: `target ${targetId}`,
      state,
      allowed: allowed.length === 0 ? "nothing" : allowed,
    });
  }
}

function retried({ snapshot }: VerbContext, targetId: string) {
  const target = snapshot.targets.get(targetId);
  const planned = plannedOf(snapshot.plan, targetId);
  if (target === undefined || planned === undefined) return [];
  const { fromIndex, to } = retryOf(snapshot, planned, target);
  const move = { targetId, name: planned.name, from: target.state, to, problem: null };
  return [{ round: { targetId, fromIndex }, move }];
}

/** A batch with a target that runs again is not finished any more; its bake is over already. */
async function reopenBatches({ tx, change, snapshot }: VerbContext, targetIds: readonly string[]): Promise<void> {
  const again = new Set(targetIds);
  for (const batch of snapshot.plan.groups.flatMap((group) => group.batches)) {
    const finished = snapshot.batches.get(batch.batchId)?.finished === true;
    if (finished && batch.targetIds.some((id) => again.has(id))) {
      await markBatch(tx, { changeId: change.id, batchId: batch.batchId, name: batch.name }, "reopened");
    }
  }
}

/** Leaves targets out; what runs there may get its traffic back. */
export async function skip(deps: ChangeDeps, ask: Ask, body: VerbBody<"skip">): Promise<void> {
  await withVerb(deps, { ask, action: "skip" }, async (context) => {
    const { tx, change, snapshot, by } = context;
    for (const targetId of body.targetIds) mustBe(context, targetId, "skip");
    const moves = [...new Set(body.targetIds)].map((targetId) => {
      const from = snapshot.targets.get(targetId)?.state ?? "pending";
      const name = plannedOf(snapshot.plan, targetId)?.name ?? targetId;
      return { targetId, name, from, to: "skipped" as const, problem: null };
    });
    await moveTargets(tx, change.id, moves);
    if (body.traffic === "re-attach") await markReattach(tx, change.id, body.targetIds);
    const data = { action: "skip", targetIds: body.targetIds, traffic: body.traffic, by };
    await appendEvents(tx, change.id, [{ type: "verb", data }]);
    const skipped = new Set(body.targetIds);
    const stillLost = [...snapshot.targets.values()].some(
      ({ targetId, state }) => LOST_TARGETS.includes(state) && !skipped.has(targetId),
    );
    if (change.state === "failed" && !stillLost) await moveChange(tx, change, { to: "running", problem: null, by });
    else await wake(tx, change.id);
  });
}

/** A person's word that an attempt is lost: only then may it be tried again. */
export async function declareLost(deps: ChangeDeps, ask: Ask, body: VerbBody<"declare-lost">): Promise<void> {
  await withVerb(deps, { ask, action: "declare-lost" }, async ({ tx, change, snapshot, by }) => {
    for (const stepId of body.stepIds) {
      const attempt = snapshot.attempts.find(({ id }) => id === stepId);
      if (attempt === undefined) throw new PlatformError("NOT_FOUND", { resource: `step ${stepId}` });
      if (attempt.state !== "unknown") {
        const { state } = attempt;
        throw new PlatformError("ACTION_NOT_ALLOWED", {
          action: "declare-lost",
          resource: `step ${stepId}`,
          state,
          allowed: "nothing",
        });
      }
      await endAttempt(
        tx,
        { ...attempt, changeId: change.id, from: "unknown" },
        { to: "interrupted", outcome: attempt.outcome },
      );
      if (attempt.commandId !== null) await deps.commands.revoke(tx, [attempt.commandId]);
    }
    const data = { action: "declare-lost", stepIds: body.stepIds, reason: body.reason, by };
    await appendEvents(tx, change.id, [{ type: "verb", data }]);
    await wake(tx, change.id);
  });
}
