import type { Window } from "@evenkeel/contracts/window";

/** One day of the calendar, as the person's own wall shows it. */
export interface Day {
  /** `2026-12-24` */
  readonly date: string;
  readonly marks: readonly Pick<Window, "name" | "kind">[];
}

const DAYS = 14;
const DAY_MS = 86_400_000;

/** Two weeks from today: each window on the days of its first time, and on today while the API says that it is inside. */
export function daysOf(windows: readonly Window[], nowMs: number): Day[] {
  return Array.from({ length: DAYS }, (_, index) => {
    const date = localDate(nowMs + index * DAY_MS);
    const marks = windows.filter(
      (window) => isOn(window, date) || (index === 0 && window.inside) || turnsOn(window, date),
    );
    return { date, marks: marks.map(({ name, kind }) => ({ name, kind })) };
  });
}

const isOn = ({ start, end }: Window, date: string): boolean => start.slice(0, 10) <= date && date <= end.slice(0, 10);

/** Of one that comes again the API says when it turns next. */
const turnsOn = ({ turnsAt, recurrence }: Window, date: string): boolean =>
  recurrence !== null && turnsAt !== null && localDate(Date.parse(turnsAt)) === date;

function localDate(ms: number): string {
  const day = new Date(ms);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}
