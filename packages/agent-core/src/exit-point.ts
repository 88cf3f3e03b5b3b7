/** The places where a test may end the agent hard; each lies between two things that must survive on their own. */
export const EXIT_POINTS = [
  "before-journal",
  "after-journal",
  "before-start-journal",
  "after-start-journal",
  "before-spawn",
  "after-spawn",
  "after-effect",
  "before-outcome-journal",
  "before-report",
  "after-report",
  "before-acknowledge",
  "after-acknowledge",
] as const;
export type ExitPoint = (typeof EXIT_POINTS)[number];

/** Called whenever the agent passes one of its exit points. */
export type AtExitPoint = (point: ExitPoint) => void;

/** Passes on; what production uses. */
export const goOn: AtExitPoint = () => undefined;

/** Reads `point` or `point:n` (the n-th passing) and calls `exit` there. */
export function exitAt(spec: string | undefined, exit: () => void): AtExitPoint {
  if (spec === undefined || spec === "") return goOn;
  const [wanted, nth] = spec.split(":");
  if (!EXIT_POINTS.some((point) => point === wanted)) throw new Error(`no exit point is called ${wanted}`);
  let left = Number(nth ?? 1);
  return (point) => {
    if (point !== wanted) return;
    left -= 1;
    if (left === 0) exit();
  };
}

/** Thrown where the agent of a test was ended: nothing after it is written, sent or reported. */
export class AgentStopped extends Error {}

/** Tells the end of the agent from the failure of a command. */
export function isStopped(error: unknown): error is AgentStopped {
  return error instanceof AgentStopped;
}
