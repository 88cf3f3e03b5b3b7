import type { BatchView, Change, StepView, TargetView } from "@evenkeel/contracts/change";
import type { ChangeState } from "@evenkeel/contracts/change-state";
import { padTo, textWidth } from "@evenkeel/contracts/text-width";
import { verdictLines } from "./guard.ts";
import { elapsed, type Line, line, restCount, type Span, span, type Tone, targetCount, targetElapsed } from "./line.ts";
import { problemLines, targetTrouble } from "./problem.ts";

/** What a drawing of a change depends on beside the change. */
export interface ChangeTextOptions {
  /** Milliseconds since 1970, for what is under way. */
  readonly now: number;
  /** Targets shown per batch before those that say little are summed up. */
  readonly maxTargets?: number;
}

type AnyState = ChangeState | BatchView["state"] | TargetView["state"] | StepView["state"];

const MARKS: Record<string, readonly [mark: string, tone: Tone]> = {
  succeeded: ["✔", "good"],
  "rolled-back": ["↩", "warn"],
  reverted: ["↩", "warn"],
  failed: ["✖", "bad"],
  "timed-out": ["✖", "bad"],
  interrupted: ["✖", "bad"],
  unknown: ["?", "warn"],
  offline: ["⚠", "warn"],
  running: ["●", "busy"],
  dispatched: ["●", "busy"],
  staging: ["●", "busy"],
  baking: ["●", "busy"],
  cancelling: ["●", "warn"],
  "rolling-back": ["●", "warn"],
  pausing: ["●", "warn"],
  paused: ["‖", "warn"],
  "awaiting-confirmation": ["‖", "warn"],
  "awaiting-approval": ["‖", "warn"],
  scheduled: ["‖", "warn"],
  closed: ["–", "dim"],
  ended: ["–", "dim"],
  cancelled: ["–", "dim"],
  expired: ["–", "dim"],
  skipped: ["–", "dim"],
  revoked: ["–", "dim"],
};

/** The mark and the tone of a state, the same everywhere. */
export function stateMark(state: AnyState): Span {
  const [mark, tone] = MARKS[state] ?? ["○", "dim"];
  return span(mark, tone);
}

/** The name of a state in its tone. */
export function stateName(state: AnyState): Span {
  return span(state, MARKS[state]?.[1] ?? "dim");
}

/** The part of an id by which people call it. */
export function shortId(id: string): string {
  return id.slice(-8);
}

/** The change as a tree: batches, hosts, the step in hand, and what went wrong. */
export function changeLines(change: Change, options: ChangeTextOptions): Line[] {
  const { now } = options;
  const took = elapsed(change.startedAt, change.finishedAt, now);
  const lines = [
    line(
      ...[stateMark(change.state), " ", span(change.title, "bold"), " ", span(shortId(change.id), "dim"), "  "],
      ...[stateName(change.state), span(took === "" ? "" : `  ${took}`, "dim")],
    ),
  ];
  if (change.waitingFor !== null) lines.push(line("  waits for ", span(change.waitingFor, "warn")));
  for (const group of change.groups) {
    if (change.groups.length > 1) lines.push(line("  ", stateMark(group.state), " ", span(group.name, "bold")));
    const width = Math.max(...group.batches.map((batch) => textWidth(batch.name)), 0);
    for (const batch of group.batches) lines.push(...batchLines(batch, { ...options, width }));
  }
  lines.push(...onceLines("before the first batch", change.opening), ...onceLines("after the last", change.closing));
  if (change.problem !== null && !isTold(change)) lines.push(...problemLines(change.problem, "  "));
  for (const left of change.leftBehind) lines.push(line("  left behind: ", span(left, "warn")));
  return lines;
}

/** True where a host of the change has told its problem already. */
export function isTold({ problem, groups }: Change): boolean {
  const targets = groups.flatMap((group) => group.batches.flatMap((batch) => batch.targets));
  return targets.some((target) => target.problem?.title === problem?.title);
}

/** The steps of the change as a whole that are under way or have gone wrong. */
export function onceLines(when: string, steps: readonly StepView[]): Line[] {
  const told = steps.filter(({ state }) => state !== "pending" && state !== "succeeded");
  return told.map((step) => line("  ", stateMark(step.state), ` ${when}: ${step.name} `, stateName(step.state)));
}

function batchLines(batch: BatchView, options: ChangeTextOptions & { width: number }): Line[] {
  const { now, width } = options;
  const { succeeded, failed, total } = batch.targetCounts;
  const head = line(
    ...["  ", stateMark(batch.state), ` ${padTo(batch.name, width)}  `],
    span(`${succeeded}/${targetCount(batch.targetCounts)}`, "dim"),
    // Where not all are shown the number says what the list cannot.
    ...(failed > batch.targets.length ? [span(`  ${failed} failed`, "bad")] : []),
    ...batchNote(batch),
    span(`  ${elapsed(batch.startedAt, batch.finishedAt, now)}`, "dim"),
  );
  const shown = chooseTargets(batch, options.maxTargets ?? 12);
  const nameWidth = Math.max(...shown.map(({ name }) => textWidth(name)), 0);
  const rest = total - shown.length;
  return [
    head,
    ...verdictLines(batch.guards, "      "),
    ...shown.flatMap((target) => targetLines(target, { now, nameWidth })),
    ...(rest > 0 ? [line(span(`      … and ${restCount(rest, batch.targetCounts)}`, "dim"))] : []),
  ];
}

/** What a batch waits for, or how far its bake is. */
export function batchNote({ state, bakeMs, bakedMs, bakesUntil, confirmed, gate }: BatchView): Span[] {
  // What has been baked is stored now and then only: before the first time it would look as if nothing moved.
  const part = bakedMs < 1000 ? "" : `${seconds(bakedMs)} of `;
  // Short ones are over before one has read until when.
  const until = bakesUntil === null || bakeMs < MINUTE_MS ? "" : `, until ${clock(bakesUntil)}`;
  if (state === "baking") return [span(`  bakes ${part}${seconds(bakeMs)}${until}`, "busy")];
  const traffic = gate === "traffic" ? " before its traffic" : "";
  if (state === "awaiting-confirmation") return [span(`  waits for your confirmation${traffic}`, "warn")];
  if (gate !== null && (state === "pending" || (state === "running" && gate === "traffic"))) {
    return [span(confirmed ? "  confirmed" : `  will wait for a confirmation${traffic}`, "dim")];
  }
  return [];
}

const MINUTE_MS = 60_000;

/** In the zone of who reads it. */
const clock = (at: string): string => new Date(at).toLocaleTimeString("en-GB", { timeStyle: "short" });

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** Those in trouble first, then those in hand; the others only where there is room. */
export function chooseTargets({ targets }: Pick<BatchView, "targets">, max: number): TargetView[] {
  if (targets.length <= max) return [...targets];
  const rank = ({ state }: TargetView) =>
    ["failed", "interrupted", "unknown"].includes(state) ? 0 : ["running", "staging"].includes(state) ? 1 : 2;
  const chosen = new Set([...targets].sort((one, other) => rank(one) - rank(other)).slice(0, max));
  return targets.filter((target) => chosen.has(target));
}

function targetLines(target: TargetView, { now, nameWidth }: { now: number; nameWidth: number }): Line[] {
  const { name, zone, from, to, state } = target;
  const move = from === to ? (to ?? "") : `${from ?? "nothing"} → ${to ?? "nothing"}`;
  const took = targetElapsed(target, now);
  const head = line(
    ...["      ", stateMark(state), ` ${padTo(name, nameWidth)} `, span(`${zone}  `, "dim"), move],
    ...inHand(target),
    span(took === "" ? "" : `  ${took}`, "dim"),
  );
  return [head, ...targetTrouble(target, "          ")];
}

/** The step that runs and what it waits for; else the state where it says more than the mark. */
export function inHand({ state, steps, traffic }: TargetView): Span[] {
  const running = steps.find((step) => ["dispatched", "running"].includes(step.state));
  const away = traffic === "draining" || traffic === "detached" ? [span(`  ${traffic}`, "warn")] : [];
  // Of very many that moved at once only the state is told: the steps are those of before.
  if (running !== undefined && state !== "succeeded") {
    const waits = running.waitingFor === null ? "" : `: ${running.waitingFor}`;
    // `drain` says already that it drains.
    return [span(`  ${running.name}${waits}`, "busy"), ...(traffic.startsWith(running.name) ? [] : away)];
  }
  if (["succeeded", "pending", "running"].includes(state)) return away;
  return [span("  "), stateName(state), ...away];
}
