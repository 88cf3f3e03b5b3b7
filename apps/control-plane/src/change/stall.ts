import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { isHeld } from "./gate.ts";
import { CLOSING, OPENING, type Snapshot, type StepAttempt } from "./snapshot.ts";
import { SETTLED_TARGETS } from "./state.ts";
import { attemptsOf } from "./track.ts";

const NAMED = 3;

/** The shortest progress deadline of its groups; null = it has none. Plans of earlier versions have none. */
export function progressDeadlineMs({ plan }: Snapshot): number | null {
  const seconds = plan.groups.flatMap(({ strategy }) => strategy.progressDeadlineSeconds ?? []);
  return seconds.length === 0 ? null : Math.min(...seconds) * 1000;
}

/** How far the change has come: another word after each step that succeeded and each target that ended. */
export function progressMark(snapshot: Snapshot): string {
  const done = snapshot.attempts.filter(({ state }) => state === "succeeded").length;
  const ended = [...snapshot.targets.values()].filter(({ state }) => SETTLED_TARGETS.includes(state)).length;
  return `${done}.${ended}`;
}

const isInHand = ({ state }: StepAttempt) => state === "dispatched" || state === "running";

/** What is under way now; not what waits for a person, a bake or its turn. */
function underWay(snapshot: Snapshot): string[] {
  const moving = snapshot.plan.targets.filter(({ targetId }) => {
    const state = snapshot.targets.get(targetId)?.state;
    return state === "staging" || (state === "running" && !isHeld(snapshot, targetId));
  });
  const frame = snapshot.attempts.filter(
    (attempt) => (attempt.targetId === OPENING || attempt.targetId === CLOSING) && isInHand(attempt),
  );
  return [
    ...frame.map(({ name }) => name),
    ...moving.map(({ targetId, name }) => {
      const attempt = attemptsOf(snapshot, targetId).findLast(isInHand);
      return attempt === undefined ? name : `${name} (${attempt.name})`;
    }),
  ];
}

/** The name of the clock that runs while something is under way and gets no further; progress makes it another clock. */
export function progressClocks(snapshot: Snapshot): string[] {
  if (snapshot.state !== "running" || progressDeadlineMs(snapshot) === null) return [];
  return underWay(snapshot).length === 0 ? [] : [progressClock(progressMark(snapshot))];
}

const CLOCK = "progress ";
const progressClock = (mark: string): string => `${CLOCK}${mark}`;

/** How far the change was when such a clock ran; null = it is another's. */
export const markOfClock = (id: string): string | null => (id.startsWith(CLOCK) ? id.slice(CLOCK.length) : null);

/** Why the change must not go on as it is: nothing got any further for too long. */
export function stallProblem(snapshot: Snapshot): Problem | null {
  const deadlineMs = progressDeadlineMs(snapshot);
  if (deadlineMs === null || snapshot.idle.ms < deadlineMs || snapshot.idle.mark !== progressMark(snapshot))
    return null;
  const stuck = underWay(snapshot);
  if (stuck.length === 0) return null;
  const rest = stuck.length - NAMED;
  const waiting = [...stuck.slice(0, NAMED), ...(rest > 0 ? [say("why.more", { count: rest })] : [])].join(", ");
  return problemOf("NO_PROGRESS", { seconds: Math.round(deadlineMs / 1000), waiting });
}
