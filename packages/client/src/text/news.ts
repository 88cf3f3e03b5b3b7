import type { BatchView, Change, StepView, TargetView } from "@evenkeel/contracts/change";
import { isTold, stateMark, stateName } from "./change.ts";
import { verdictNews } from "./guard.ts";
import { elapsed, type Line, line, span, targetCount, targetElapsed } from "./line.ts";
import { problemLines, targetTrouble } from "./problem.ts";

/** What has happened between two looks at a change, for outputs that cannot redraw: every line is said once. */
export function changeNews(before: Change | null, after: Change): Line[] {
  const batchesBefore = new Map((before === null ? [] : batchesOf(before)).map((batch) => [batch.batchId, batch]));
  const lines = batchesOf(after).flatMap((batch) =>
    batchNews(batchesBefore.get(batch.batchId), batch, before === null),
  );
  if (before?.state === after.state) return lines;
  const took = elapsed(after.startedAt, after.finishedAt, Date.parse(after.stateSince));
  const state = line(
    stateMark(after.state),
    ` ${after.title}: `,
    stateName(after.state),
    span(took && `  ${took}`, "dim"),
  );
  const told = isTold(after) || before?.problem?.title === after.problem?.title;
  const why = after.problem === null || told ? [] : problemLines(after.problem, "  ");
  const head = before === null || after.state === "running";
  return head ? [state, ...why, ...lines] : [...lines, state, ...why];
}

const batchesOf = (change: Change): BatchView[] => change.groups.flatMap((group) => group.batches);

function batchNews(before: BatchView | undefined, after: BatchView, isFirst: boolean): Line[] {
  const known = new Map((before?.targets ?? []).map((target) => [target.targetId, target]));
  // Of a large batch the first look shows some targets; others come as they move.
  const whole = !isFirst || after.targets.length === after.targetCounts.total;
  const told = after.targets.filter((target) => whole || target.problem !== null);
  const targets = [
    ...told.flatMap((target) => targetNews(known.get(target.targetId), target)),
    ...verdictNews(before?.guards ?? [], after.guards),
  ];
  if ((before?.state ?? "pending") === after.state) return targets;
  const hosts = span(`  ${targetCount(after.targetCounts)}`, "dim");
  const took = span(`  ${elapsed(after.startedAt, after.finishedAt, Date.now())}`, "dim");
  const bake = after.state === "baking" ? ` for ${Math.round(after.bakeMs / 1000)} s` : "";
  const state = line("  ", stateMark(after.state), ` ${after.name}: `, stateName(after.state), bake, hosts);
  const ended = ["succeeded", "failed", "baking", "ended"].includes(after.state);
  return ended ? [...targets, [...state, took]] : [state, ...targets];
}

function targetNews(before: TargetView | undefined, after: TargetView): Line[] {
  const known = new Map((before?.steps ?? []).map((step) => [stepKey(step), step.state]));
  const steps = after.steps
    .filter((step) => isOver(step) && known.get(stepKey(step)) !== step.state)
    .map((step) => stepLine(after, step));
  const quiet = ["pending", "staging", "staged", "running"];
  if ((before?.state ?? "pending") === after.state || quiet.includes(after.state)) return steps;
  const took = span(`  ${targetElapsed(after, Date.now())}`, "dim");
  const state = line("    ", stateMark(after.state), ` ${after.name}: `, stateName(after.state), took);
  return [...steps, state, ...targetTrouble(after, "        ")];
}

const stepKey = (step: StepView): string => `${step.phase} ${step.name} ${step.attempt}`;

const isOver = ({ state }: StepView): boolean => !["pending", "dispatched", "running"].includes(state);

function stepLine(target: TargetView, step: StepView): Line {
  const took = span(`  ${elapsed(step.startedAt, step.finishedAt, Date.now())}`, "dim");
  return line("      ", stateMark(step.state), ` ${target.name}: ${step.name}`, took);
}
