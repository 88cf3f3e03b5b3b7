import { say } from "@evenkeel/contracts/phrase";
import type { SetWindow } from "@evenkeel/contracts/window";
import { RRuleTemporal } from "rrule-temporal";
import { Temporal } from "temporal-polyfill";

export type WindowTimes = Pick<SetWindow, "timeZone" | "start" | "end" | "recurrence">;

/** One time of a window, in ms since 1970: from the first instant inside to the first after it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
/** Both wall clocks, the first and the last of the world, lie within this of UTC. */
const ZONES_MS = DAY_MS;

const wallMs = (local: string): number => Date.parse(`${local}Z`);

/**
 * The times of a window that touch `from … to`, in order. Times recur on the wall clock: 22:00 is 22:00 in summer and in winter.
 * On the night when the clock changes a window is never shorter than its wall-clock times say: what happens twice belongs to it both times.
 */
export function spansOf(times: WindowTimes, from: number, to: number): Span[] {
  const lengthMs = wallMs(times.end) - wallMs(times.start);
  return wallStarts(times, { from: from - lengthMs - ZONES_MS, to: to + ZONES_MS })
    .map((startMs): Span => {
      const at = (ms: number, disambiguation: "earlier" | "later") =>
        Temporal.Instant.fromEpochMilliseconds(ms)
          .toZonedDateTimeISO("UTC")
          .toPlainDateTime()
          .toZonedDateTime(times.timeZone, { disambiguation }).epochMilliseconds;
      return { from: at(startMs, "earlier"), to: at(startMs + lengthMs, "later") };
    })
    .filter((span) => span.to > from && span.from <= to);
}

/** Where its occurrences begin on the wall clock, written as if that were UTC: the rule then knows nothing of zones. */
function wallStarts({ start, recurrence }: WindowTimes, { from, to }: Span): number[] {
  const first = wallMs(start);
  if (recurrence === null) return first >= from && first <= to ? [first] : [];
  return ruleOf(start, recurrence)
    .between(new Date(Math.max(from, first)), new Date(Math.max(to, first)), true)
    .map(({ epochMilliseconds }) => epochMilliseconds)
    .filter((ms) => ms >= from && ms <= to);
}

const ruleOf = (start: string, recurrence: string) =>
  new RRuleTemporal({ rruleString: `DTSTART;TZID=UTC:${start.replaceAll(/[-:]/g, "")}00\nRRULE:${recurrence}` });

/** What is wrong with the recurrence of a window; null = nothing. */
export function recurrenceProblem({ start, recurrence }: WindowTimes): string | null {
  if (recurrence === null) return null;
  try {
    const first = new Date(wallMs(start));
    return ruleOf(start, recurrence).between(first, first, true).length === 1
      ? null
      : `start: ${say("why.no-time-of", { start, recurrence })}`;
  } catch (error) {
    return `recurrence: ${error instanceof Error ? error.message : String(error)}`;
  }
}
