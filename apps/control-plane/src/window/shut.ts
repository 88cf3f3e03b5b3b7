import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { SetWindow } from "@evenkeel/contracts/window";
import { type Span, spansOf, type WindowTimes } from "./occurrence.ts";

export type NamedWindow = SetWindow & { readonly name: string };

/** Nobody waits longer for a window; beyond it counts as never. */
const HORIZON_MS = 400 * 86_400_000;
/** Spans are looked for in growing stretches: most windows open within days. */
const STRETCH_MS = 62 * 86_400_000;
const STRETCHES_MS = [8 * 86_400_000, STRETCH_MS, HORIZON_MS];

const coverOf = (times: WindowTimes, at: number): Span | null =>
  spansOf(times, at, at).reduce<Span | null>(
    (longest, span) => (span.from <= at && (longest === null || span.to > longest.to) ? span : longest),
    null,
  );

function nextFrom(times: WindowTimes, at: number): number | null {
  for (const stretch of STRETCHES_MS) {
    const next = spansOf(times, at, at + stretch).find(({ from }) => from > at);
    if (next !== undefined) return next.from;
  }
  return null;
}

/** Whether a window's time is now, and when that changes; null = not within 400 days. */
export function timeOf(window: WindowTimes, at: number): { inside: boolean; turnsAt: number | null } {
  const cover = coverOf(window, at);
  return cover === null
    ? { inside: false, turnsAt: nextFrom(window, at) }
    : { inside: true, turnsAt: endOf([window], cover.to) };
}

/** Where the last of the spans ends that follow each other without a gap; null = not within 400 days. */
function endOf(windows: readonly WindowTimes[], at: number): number | null {
  let end = at;
  while (end <= at + HORIZON_MS) {
    const [before, until] = [end, end + STRETCH_MS];
    const spans = windows.flatMap((window) => spansOf(window, before, until));
    for (const { from, to } of spans.sort((one, other) => one.from - other.from))
      if (from <= end) end = Math.max(end, to);
    if (end === before) return end;
  }
  return null;
}

/** What keeps a change from beginning at a moment, and when nothing of it does any more (ms; null = not within 400 days). */
export interface Shut {
  readonly refusal: Refusal;
  readonly opensAt: number | null;
}

/** Looks at the windows that apply to a change; null = it may begin. */
export function shutAt(windows: readonly NamedWindow[], at: number): Shut | null {
  const stopping = windows.filter(({ kind }) => kind !== "change");
  const permitting = windows.filter(({ kind }) => kind === "change");
  const stop = stopping.find((window) => coverOf(window, at) !== null);
  const permitted = permitting.length === 0 || permitting.some((window) => coverOf(window, at) !== null);
  if (stop === undefined && permitted) return null;
  const opensAt = opensAfter(stopping, permitting, at);
  if (stop !== undefined) {
    const until = shown(timeOf(stop, at).turnsAt);
    const { name: window, kind, reason } = stop;
    return { refusal: refuse("CHANGE_FROZEN", { window, kind, until, reason, opensAt: shown(opensAt) }), opensAt };
  }
  const window = permitting.map(({ name }) => name);
  const until = shown(earliest(permitting.map((one) => nextFrom(one, at))));
  return { refusal: refuse("CHANGE_WINDOW_CLOSED", { window, until, opensAt: shown(opensAt) }), opensAt };
}

function opensAfter(stopping: readonly NamedWindow[], permitting: readonly NamedWindow[], at: number): number | null {
  let moment: number | null = at;
  while (moment !== null && moment <= at + HORIZON_MS) {
    const free = endOf(stopping, moment);
    if (free === null) return null;
    if (permitting.length === 0 || permitting.some((window) => coverOf(window, free) !== null)) return free;
    moment = earliest(permitting.map((window) => nextFrom(window, free)));
  }
  return null;
}

const earliest = (moments: readonly (number | null)[]): number | null =>
  moments.reduce((one, other) => (one === null || (other !== null && other < one) ? other : one), null);

const shown = (ms: number | null): string => (ms === null ? say("why.further-notice") : new Date(ms).toISOString());
