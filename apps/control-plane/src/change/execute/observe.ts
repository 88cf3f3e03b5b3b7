import { problemOf } from "@evenkeel/contracts/error";
import type { ChangeDeps } from "../deps.ts";
import type { StepAttempt } from "../snapshot.ts";
import { guarded } from "../store/savepoint.ts";
import { endAttempt, noteWaiting } from "../store/step.ts";
import { cleanTrackOf, reattachTrackOf, type TrackStep, trackOf } from "../track.ts";
import { contextOf, fillInput, type Work } from "./dispatch.ts";

/** Asks every control step in hand whether it is done; true when one of them ended. */
export async function observeControlSteps(deps: ChangeDeps, work: Work): Promise<boolean> {
  let ended = false;
  for (const attempt of work.snapshot.attempts) {
    if (attempt.state !== "running" || attempt.commandId !== null) continue;
    if (await observe(deps, work, attempt)) ended = true;
  }
  return ended;
}

async function observe(deps: ChangeDeps, work: Work, attempt: StepAttempt): Promise<boolean> {
  const at = plannedStepOf(work, attempt);
  const step = deps.registry.controlSteps.get(at.step.type);
  if (step === undefined) throw new Error(`no control step ${at.step.type}`);
  const context = { ...contextOf(work, attempt.targetId), facts: attempt.facts, elapsedMs: attempt.elapsedMs };
  const result = await guarded(work.tx, () => step.observe(fillInput(at.step, context.targetFacts), context));
  const observed = "problem" in result ? ({ kind: "failed", problem: result.problem } as const) : result.value;
  const row = { ...attempt, changeId: work.change.id, from: attempt.state };
  const elapsedMs = attempt.elapsedMs;
  switch (observed.kind) {
    case "done": {
      const facts = { ...attempt.facts, ...observed.facts };
      await endAttempt(work.tx, row, { to: "succeeded", outcome: { kind: "succeeded", facts, elapsedMs }, facts });
      return true;
    }
    case "failed":
      await endAttempt(work.tx, row, {
        to: "failed",
        outcome: { kind: "failed", problem: observed.problem, elapsedMs },
      });
      return true;
    case "not-yet":
      if (elapsedMs >= at.step.timeoutMs) {
        const problem = problemOf("STEP_TIMEOUT", {
          step: attempt.name,
          seconds: Math.round(elapsedMs / 1000),
          waitingFor: observed.waitingFor,
        });
        await endAttempt(work.tx, row, { to: "timed-out", outcome: { kind: "timed-out", problem, elapsedMs } });
        return true;
      }
      await noteWaiting(work.tx, attempt.id, observed);
      return false;
    default:
      return observed satisfies never;
  }
}

function plannedStepOf({ snapshot }: Work, attempt: StepAttempt): TrackStep {
  const tracks = [trackOf, cleanTrackOf, reattachTrackOf].flatMap((track) => track(snapshot, attempt.targetId));
  const found = tracks.find(({ phase, step }) => phase === attempt.phase && step.name === attempt.name);
  if (found === undefined) throw new Error(`the plan has no step ${attempt.phase}/${attempt.name}`);
  return found;
}
