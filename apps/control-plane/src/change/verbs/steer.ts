import type { VerbBody } from "@evenkeel/contracts/change";
import { PlatformError } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { ChangeDeps } from "../deps.ts";
import { finish } from "../execute/apply.ts";
import { objections } from "../guard/watch.ts";
import { TAKE_OVER } from "../permitted.ts";
import { mayConfirm } from "../show/actions.ts";
import { leftBehindLines } from "../show/left-behind.ts";
import type { Snapshot } from "../snapshot.ts";
import { NOT_STARTED } from "../state.ts";
import { moveChange, storeLeftBehind, wake } from "../store/change.ts";
import { appendEvents } from "../store/event.ts";
import { confirmBatches } from "../store/progress.ts";
import { overrule } from "../store/verdict.ts";
import { type Ask, mustMay, withVerb } from "./context.ts";

/** No new target is begun; those in hand end, or with `now` only their steps in hand. */
export async function pause(deps: ChangeDeps, ask: Ask, body: VerbBody<"pause">): Promise<void> {
  await withVerb(deps, { ask, action: "pause" }, async ({ tx, change, by }) => {
    if (change.state === "awaiting-confirmation") return await moveChange(tx, change, { to: "paused", by });
    const pauseMode = body.now === true ? "steps" : "targets";
    await moveChange(tx, change, { to: "pausing", pauseMode, pauseCause: "person", by });
  });
}

/** Goes on where it stopped; who resumes after a guard goes on in spite of what it found. */
export async function resume(deps: ChangeDeps, ask: Ask): Promise<void> {
  await withVerb(deps, { ask, action: "resume" }, async ({ tx, change, snapshot, by }) => {
    await overrule(tx, { changeId: change.id, verdicts: objections(snapshot), by });
    await moveChange(tx, change, { to: "running", problem: null, by });
  });
}

/** Opens the gates of batches, also ahead of their time. */
export async function confirm(deps: ChangeDeps, ask: Ask, body: VerbBody<"confirm">): Promise<void> {
  await withVerb(deps, { ask, action: "confirm" }, async ({ tx, change, snapshot, by }) => {
    const batches = snapshot.plan.groups.flatMap((group) => group.batches);
    for (const batchId of body.batchIds) {
      const batch = batches.find((planned) => planned.batchId === batchId);
      if (batch === undefined) throw new PlatformError("BATCH_UNKNOWN", { batch: batchId });
      if (!mayConfirm(snapshot, batch)) throw notConfirmable(snapshot, batchId);
    }
    await confirmBatches(tx, change.id, body.batchIds);
    await appendEvents(tx, change.id, [{ type: "verb", data: { action: "confirm", batchIds: body.batchIds, by } }]);
    if (change.state === "awaiting-confirmation") await moveChange(tx, change, { to: "running", by });
    else await wake(tx, change.id);
  });
}

function notConfirmable(snapshot: Snapshot, batchId: string): PlatformError {
  const open = snapshot.plan.groups
    .flatMap((group) => group.batches)
    .filter((batch) => mayConfirm(snapshot, batch))
    .map((batch) => say("allowed.confirm", { batch: batch.batchId }));
  return new PlatformError("ACTION_NOT_ALLOWED", {
    action: "confirm",
    resource: `batch ${batchId}`,
    state: say("state.unasked"),
    allowed: open,
  });
}

/** Brings the targets in hand to a whole state and leaves the others. */
export async function cancel(deps: ChangeDeps, ask: Ask): Promise<void> {
  await withVerb(deps, { ask, action: "cancel" }, async ({ tx, change, snapshot, by }) => {
    if (!NOT_STARTED.includes(change.state)) return await moveChange(tx, change, { to: "cancelling", by });
    await moveChange(tx, change, { to: "cancelled", by });
    await finish(deps, { tx, change, snapshot }, "cancelled");
  });
}

/** Leaves everything as it is, and lists it. */
export async function close(deps: ChangeDeps, ask: Ask, body: VerbBody<"close">): Promise<void> {
  await withVerb(deps, { ask, action: "close" }, async (context) => {
    const { tx, change, snapshot, by } = context;
    // Nothing goes on in a failed change; from any other its locks are taken while it works.
    if (change.state !== "failed") mustMay(context, TAKE_OVER);
    const outstanding = snapshot.attempts.flatMap(({ state, commandId }) =>
      ["dispatched", "running", "unknown"].includes(state) && commandId !== null ? [commandId] : [],
    );
    // Late outcomes are recorded only: the change is terminal by then.
    if (outstanding.length > 0) await deps.commands.revoke(tx, outstanding);
    await storeLeftBehind(tx, change.id, leftBehindLines(snapshot));
    await moveChange(tx, change, { to: "closed", by, reason: body.reason });
    await finish(deps, { tx, change, snapshot }, "closed");
  });
}
