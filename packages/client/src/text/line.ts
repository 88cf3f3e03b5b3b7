import type { Change, TargetView } from "@evenkeel/contracts/change";
import { textWidth } from "@evenkeel/contracts/text-width";

/** How a piece of text is meant; who shows it chooses colours. */
export type Tone = "plain" | "dim" | "bold" | "good" | "bad" | "busy" | "warn";
export interface Span {
  readonly text: string;
  readonly tone: Tone;
}
/** A line of text whose pieces know how they are meant. */
export type Line = readonly Span[];

/** One piece of a line. */
export function span(text: string, tone: Tone = "plain"): Span {
  return { text, tone };
}

/** A line from pieces; empty ones are left out. */
export function line(...pieces: readonly (Span | string)[]): Line {
  return pieces.map((piece) => (typeof piece === "string" ? span(piece) : piece)).filter(({ text }) => text !== "");
}

/** The text of a line without its tones. */
export function plain(text: Line): string {
  return text.map((piece) => piece.text).join("");
}

/** How many columns of a terminal it takes. */
export function columnsOf(text: Line): number {
  return textWidth(plain(text));
}

/** A duration for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** Bytes for people, in powers of 1024. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `1 host`, `3 hosts`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : noun.endsWith("ch") ? "es" : "s"}`;
}

/** Targets that move traffic are no hosts: `3 hosts`, `2 traffic steps`, `3 hosts and 2 traffic steps`. */
export function hostsAndSteps({ total, moves }: Counted): string {
  const parts = [plural(total - moves, "host"), ...(moves === 0 ? [] : [plural(moves, "traffic step")])];
  return parts.slice(total === moves && moves > 0 ? 1 : 0).join(" and ");
}

interface Counted {
  readonly total: number;
  readonly moves: number;
}

/** The same behind `3 of ` or `3/`. */
export const targetCount = ({ total, moves }: Counted): string =>
  moves === 0 || moves === total ? hostsAndSteps({ total, moves }) : `${total} (${hostsAndSteps({ total, moves })})`;

/** How many targets of a change move traffic; each stands in one of its batches. */
export const movesOf = ({ groups }: Pick<Change, "groups">): number =>
  groups.flatMap(({ batches }) => batches).reduce((sum, { targetCounts }) => sum + targetCounts.moves, 0);

/** How many are not shown. */
export const restCount = (rest: number, { total, moves }: Counted): string =>
  plural(rest, total === moves ? "more traffic step" : "more host");

/** How long something took, or has taken until now; empty before it began. */
export function elapsed(startedAt: string | null, finishedAt: string | null, now: number): string {
  if (startedAt === null) return "";
  return duration((finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt));
}

/** How long a host itself took: what was staged on all hosts beforehand does not count. */
export function targetElapsed(
  { steps, finishedAt, startedAt }: Pick<TargetView, "steps" | "finishedAt" | "startedAt">,
  now: number,
): string {
  const began = steps.find((step) => step.phase === "run" && step.startedAt !== null)?.startedAt;
  return elapsed(began ?? (steps.length === 0 ? startedAt : null), finishedAt, now);
}
