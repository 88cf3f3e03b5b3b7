import type { BatchView, Change, TargetView } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import { padTo, shortenTo, textWidth } from "@evenkeel/contracts/text-width";
import { batchNote, chooseTargets, inHand, isTold, onceLines, shortId, stateMark, stateName } from "./change.ts";
import { verdictLines } from "./guard.ts";
import {
  columnsOf,
  elapsed,
  type Line,
  line,
  movesOf,
  plural,
  restCount,
  type Span,
  span,
  targetCount,
  targetElapsed,
} from "./line.ts";
import { problemLines, targetTrouble } from "./problem.ts";

/** What a live picture depends on beside the change. */
export interface WatchOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly columns: number;
  /** Lines that there is room for. */
  readonly rows: number;
  /** Of the services that it touches, oldest first. */
  readonly samples?: readonly VersionSample[];
}

/** Below these widths a host is told without its place and versions, and without the bar of its steps. */
const NARROW = 70;
const VERY_NARROW = 46;
/** A name is shortened for the sake of what follows it, but not below this. */
const SHORTEST_NAME = 12;
/** What a host does just now has this room beside its name. */
const ROOM_FOR_STEP = 26;
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const SPIN_MS = 100;

/** The change as it moves: how far it is, its batches, the hosts in hand and their steps, requests by version. Fits into the terminal. */
export function watchLines(change: Change, options: WatchOptions): Line[] {
  const frame = [...headLines(change, options), ...trafficLines(options)];
  const after = afterLines(change);
  const room = Math.max(3, options.rows - frame.length - after.length);
  return [...frame.slice(0, 2), ...fitting(change, options, room), ...frame.slice(2), ...after];
}

function headLines(change: Change, { now, columns }: WatchOptions): Line[] {
  const { state, title, id, startedAt, finishedAt, targets } = change;
  const took = elapsed(startedAt, finishedAt, now);
  const slim = columns < VERY_NARROW;
  const rest = [
    ...[span(slim ? "" : ` ${shortId(id)}`, "dim"), span("  "), stateName(state)],
    span(took === "" ? "" : `  ${took}`, "dim"),
  ];
  // What it is called may be shortened; how it stands may not.
  const shortTitle = shortenTo(title, Math.max(SHORTEST_NAME, columns - 3 - columnsOf(rest)));
  const head = line(spinning(state, now), " ", span(shortTitle, "bold"), ...rest);
  const done = targets.succeeded + targets.skipped;
  const percent = targets.total === 0 ? 0 : Math.floor((100 * done) / targets.total);
  const told = ` ${percent} %  ${done} of ${targetCount({ total: targets.total, moves: movesOf(change) })}`;
  const lost = targets.failed + targets.unknown + targets.offline;
  const bar = slim ? [] : progressBar(targets, Math.max(8, Math.min(40, columns - told.length - 16)));
  return [head, line(slim ? " " : "  ", ...bar, told, span(lost === 0 ? "" : `  ${lost} not well`, "bad"))];
}

/** What is under way turns; everything else has its mark. */
function spinning(state: Change["state"] | BatchView["state"] | TargetView["state"], now: number): Span {
  const mark = stateMark(state);
  if (mark.text !== "●") return mark;
  return span(SPINNER[Math.floor(now / SPIN_MS) % SPINNER.length] ?? "●", mark.tone);
}

function progressBar(
  { total, succeeded, skipped, failed, unknown, offline, running }: Change["targets"],
  width: number,
) {
  const cells = (count: number): number => (total === 0 ? 0 : Math.round((width * count) / total));
  const good = cells(succeeded + skipped);
  const bad = Math.min(width - good, cells(failed + unknown + offline));
  const busy = Math.min(width - good - bad, running > 0 ? Math.max(1, cells(running)) : 0);
  return [
    span("━".repeat(good), "good"),
    span("━".repeat(bad), "bad"),
    span("━".repeat(busy), "busy"),
    span("─".repeat(width - good - bad - busy), "dim"),
  ];
}

/**
 * What is given up where there is no room, in this order: hosts of the batch in hand, but for some; batches that are done or ahead, which become
 * one line; more of the hosts; what the failed ones said. A host in trouble goes last.
 */
const DETAILS: readonly Detail[] = [
  ...[24, 12, 6].map((maxTargets) => ({ maxTargets, folded: false, brief: false })),
  ...[24, 12, 6, 3, 1].map((maxTargets) => ({ maxTargets, folded: true, brief: false })),
  ...[6, 3, 1, 0].map((maxTargets) => ({ maxTargets, folded: true, brief: true })),
];

function fitting(change: Change, options: WatchOptions, room: number): Line[] {
  let lines: Line[] = [];
  for (const detail of DETAILS) {
    lines = groupLines(change, options, detail);
    if (lines.length <= room) return lines;
  }
  return lines.slice(0, room);
}

interface Detail {
  /** How many hosts of a batch are told. */
  readonly maxTargets: number;
  readonly folded: boolean;
  /** Of a host in trouble only what went wrong. */
  readonly brief: boolean;
}

function groupLines({ groups, opening, closing }: Change, options: WatchOptions, detail: Detail): Line[] {
  return [
    ...onceLines("before the first batch", opening),
    ...groups.flatMap(({ name, state, batches }) => [
      ...(groups.length > 1 ? [line("  ", spinning(state, options.now), " ", span(name, "bold"))] : []),
      ...(detail.folded
        ? foldedBatches(batches, options, detail)
        : batches.flatMap((each) => batchLines(each, options, detail))),
    ]),
    ...onceLines("after the last", closing),
  ];
}

function foldedBatches(batches: readonly BatchView[], options: WatchOptions, detail: Detail): Line[] {
  const done = batches.filter(({ state }) => state === "succeeded");
  const ahead = batches.filter(({ state }) => state === "pending");
  const others = batches.filter(({ state }) => state !== "succeeded" && state !== "pending");
  const sum = (state: "succeeded" | "pending", which: readonly BatchView[], word: string): Line[] =>
    which.length === 0 ? [] : [line("  ", stateMark(state), span(` ${plural(which.length, "batch")} ${word}`, "dim"))];
  return [
    ...sum("succeeded", done, "done"),
    ...others.flatMap((each) => batchLines(each, options, detail)),
    ...sum("pending", ahead, "ahead"),
  ];
}

function batchLines(batch: BatchView, options: WatchOptions, { maxTargets, brief }: Detail): Line[] {
  const { state, name, guards, startedAt, finishedAt, targetCounts } = batch;
  const { now, columns } = options;
  const took = elapsed(startedAt, finishedAt, now);
  const done = targetCounts.succeeded + targetCounts.skipped;
  const rest = [
    ...[span(`${done}/${targetCount(targetCounts)}`, "dim"), ...batchNote(batch)],
    span(took === "" ? "" : `  ${took}`, "dim"),
  ];
  const shortName = shortenTo(name, Math.max(SHORTEST_NAME, columns - 7 - columnsOf(rest)));
  const head = line("  ", spinning(state, now), ` ${shortName}  `, ...rest);
  // What is done or ahead is one line; a person looks at what moves and at what went wrong.
  if (state === "succeeded" || state === "pending") return [head];
  const shown = chooseTargets(batch, maxTargets);
  const widths = widthsOf(shown, options);
  const others = targetCounts.total - shown.length;
  return [
    head,
    ...verdictLines(guards, "      "),
    ...shown.flatMap((target) => [
      targetLine(target, options, widths),
      ...targetTrouble(target, "          ").slice(0, brief ? 1 : undefined),
    ]),
    ...(others > 0 && maxTargets > 0 ? [line(span(`      … and ${restCount(others, targetCounts)}`, "dim"))] : []),
  ];
}

/** The columns of the hosts of a batch: a long name leaves room for what its host does. */
function widthsOf(shown: readonly TargetView[], { columns }: WatchOptions): Widths {
  const longest = (of: (target: TargetView) => number) => Math.max(...shown.map(of), 0);
  const bar = longest((target) => stepBar(target).length);
  const place = columns < NARROW ? 0 : longest((target) => columnsOf(placeOf(target)));
  const others = 9 + (columns < VERY_NARROW ? 0 : bar + 1) + place + ROOM_FOR_STEP;
  const room = Math.max(SHORTEST_NAME, columns - 1 - others);
  return { name: longest(({ name }) => textWidth(shortHost(name, room))), bar };
}

/** Hosts of one domain differ in its first part. */
function shortHost(name: string, columns: number): string {
  const [first = ""] = name.split(".");
  if (textWidth(name) <= columns || /^\d*$/.test(first)) return shortenTo(name, columns);
  return textWidth(first) < columns ? `${first}…` : shortenTo(first, columns);
}

function placeOf({ zone, from, to }: TargetView): Span[] {
  return [span(`${zone}  `, "dim"), span(from === to ? (to ?? "") : `${from ?? "nothing"} → ${to ?? "nothing"}`)];
}

interface Widths {
  readonly name: number;
  readonly bar: number;
}

function targetLine(target: TargetView, { now, columns }: WatchOptions, widths: Widths): Line {
  const { name, state } = target;
  const took = targetElapsed(target, now);
  const bar = stepBar(target);
  return line(
    ...["      ", spinning(state, now), ` ${padTo(shortHost(name, widths.name), widths.name)} `],
    ...(columns < VERY_NARROW ? [] : [...bar, " ".repeat(widths.bar - bar.length + 1)]),
    ...(columns < NARROW ? [] : placeOf(target)),
    ...inHand(target),
    span(took === "" ? "" : `  ${took}`, "dim"),
  );
}

/** Its steps as marks, each in the colour of how it stands. */
function stepBar({ steps, state }: TargetView): Span[] {
  const own = steps.filter(({ phase }) => phase === "run");
  return own.map((step) =>
    step.state === "pending" && state !== "succeeded" ? span("▫", "dim") : span("▪", stateMark(step.state).tone),
  );
}

const SPARKS = "▁▂▃▄▅▆▇█";
const SECONDS_DRAWN = 30;

/** Requests per second by version, as they are now and as they were. */
function trafficLines({ samples = [], columns }: WatchOptions): Line[] {
  if (samples.length === 0) return [];
  const newest = Date.parse(samples.at(-1)?.at ?? "");
  const width = Math.min(SECONDS_DRAWN, Math.max(5, columns - 50));
  const byVersion = [...Map.groupBy(samples, ({ version }) => version)].toSorted(([one], [other]) =>
    one.localeCompare(other, "en", { numeric: true }),
  );
  const top = Math.max(1, ...samples.map(({ requests }) => requests));
  const nameWidth = Math.max(...byVersion.map(([version]) => textWidth(version)));
  return [
    line(""),
    ...byVersion.map(([version, of]) => {
      const at = new Map(of.map((sample) => [Math.round((newest - Date.parse(sample.at)) / 1000), sample]));
      const counts = Array.from({ length: width }, (_, index) => at.get(width - 1 - index)?.requests ?? 0);
      const sparks = counts.map((count) => SPARKS[Math.min(7, Math.floor((7 * count) / top))]).join("");
      const last = at.get(0);
      const failed = of.reduce((sum, sample) => sum + sample.failed, 0);
      return line(
        ...["  ", span(padTo(version, nameWidth), "bold"), " ", span(sparks, "busy"), ` ${last?.requests ?? 0}/s`],
        span(last?.p99Ms == null ? "" : `  p99 ${last.p99Ms} ms`, "dim"),
        span(failed === 0 ? "" : `  ${failed} failed`, "bad"),
      );
    }),
  ];
}

function afterLines(change: Change): Line[] {
  const { waitingFor, problem, leftBehind, state } = change;
  return [
    ...(waitingFor === null || isTerminal(state) ? [] : [line("  waits for ", span(waitingFor, "warn"))]),
    ...(problem === null || isTold(change) ? [] : problemLines(problem, "  ")),
    ...leftBehind.map((left) => line("  left behind: ", span(left, "warn"))),
  ];
}
