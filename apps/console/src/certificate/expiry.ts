import type { Tone } from "../kit/surface.tsx";

const DAY_MS = 86_400_000;
/** From here on the diagnosis of the platform warns, too. */
const SOON_DAYS = 21;
const LAST_DAYS = 7;

/** Whole days until then; below zero it is over. */
export const wholeDays = (endsAt: string, nowMs: number): number => Math.floor((Date.parse(endsAt) - nowMs) / DAY_MS);

export function toneOf(days: number): Tone {
  if (days < LAST_DAYS) return "bad";
  return days < SOON_DAYS ? "warn" : "good";
}
