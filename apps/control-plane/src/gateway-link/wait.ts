/** What has lived on comes back within seconds, of thousands one soon after the other; longer is waited for nobody. */
const RETURN_MS = 30_000;

/** For hosts that come back after a restore. */
export interface Wait {
  /** How many have not spoken. */
  readonly silent: number;
  readonly untilMs: number;
}

/** Time begins anew with each that speaks; null = there is nobody left to wait for. */
export function waitFor(silent: number, before: Wait | undefined, nowMs: number): Wait | null {
  if (silent === 0) return null;
  return before !== undefined && silent >= before.silent ? before : { silent, untilMs: nowMs + RETURN_MS };
}
