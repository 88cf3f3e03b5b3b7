import { followChange, type Snapshot } from "@evenkeel/client/snapshot";
import { changeLines, shortId } from "@evenkeel/client/text/change";
import { type Line, line, span } from "@evenkeel/client/text/line";
import { changeNews } from "@evenkeel/client/text/news";
import { watchLines } from "@evenkeel/client/text/watch";
import type { Change } from "@evenkeel/contracts/change";
import { type ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { ChangeId } from "@evenkeel/contracts/id";
import { type Cli, commandLines } from "../context.ts";
import { Exit } from "../exit.ts";
import { actionLines } from "./actions.ts";
import { followTraffic } from "./traffic.ts";

/** What moves by itself – a bake – is looked at so often. */
const REDRAW_MS = 1000;
const FRAME_MS = 100;
const INTERRUPTED = 130;
const WAITS_FOR_A_PERSON: readonly ChangeState[] = [
  "awaiting-approval",
  "awaiting-confirmation",
  "paused",
  "scheduled",
];

/** Shows a change live until it has ended or has failed; Ctrl-C leaves it running. */
export async function watchChange(cli: Cli, changeId: ChangeId): Promise<Change> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const show = shower(cli, stop.signal);
  let last: Change | null = null;
  let shown: Snapshot | null = null;
  try {
    const options = { signal: stop.signal, ...(cli.screen.live && { everyMs: REDRAW_MS }) };
    for await (const snapshot of followChange(await cli.client(), changeId, options)) {
      shown = snapshot;
      last = snapshot.change;
      show.take(snapshot);
      if (isOver(snapshot)) break;
    }
  } finally {
    process.off("SIGINT", interrupt);
    show.end();
    cli.screen.show([]);
    cli.screen.close();
    // The picture was cut to the terminal; what stays is whole.
    if (cli.screen.live && shown !== null) cli.note(...tree(cli, shown, true));
  }
  if (last === null || stop.signal.aborted) {
    cli.note(...leftRunning(cli, changeId, last));
    throw new Exit(INTERRUPTED);
  }
  return last;
}

/** In `failed` only a person can go on. */
export function hasEnded({ state }: Change): boolean {
  return isTerminal(state) || state === "failed";
}

/** The change of a failed rollback stays `rolling-back` until a person goes on with the rollback. */
function isOver({ change, rollback }: Snapshot): boolean {
  return hasEnded(change) || (change.state === "rolling-back" && rollback?.state === "failed");
}

interface Shower {
  take(snapshot: Snapshot): void;
  end(): void;
}

/** A picture that moves where the output can redraw, else a line for each piece of news. */
function shower(cli: Cli, signal: AbortSignal): Shower {
  const { screen } = cli;
  if (cli.json) return { take: () => undefined, end: () => undefined };
  return screen.live ? liveShower(cli, signal) : newsShower(cli);
}

function newsShower(cli: Cli): Shower {
  let before: Snapshot | null = null;
  return {
    take: (snapshot) => {
      cli.screen.print([...printed(snapshot), ...news(cli, before, snapshot)]);
      before = snapshot;
    },
    end: () => undefined,
  };
}

function liveShower(cli: Cli, signal: AbortSignal): Shower {
  const over = new AbortController();
  const traffic = followTraffic(cli, AbortSignal.any([signal, over.signal]));
  let shown: Snapshot | null = null;
  const draw = (): void => {
    if (shown !== null) cli.screen.show(picture(cli, shown, traffic.samples()));
  };
  const timer = setInterval(draw, FRAME_MS);
  return {
    take: (snapshot) => {
      traffic.watch(snapshot.change);
      shown = snapshot;
      cli.screen.print(printed(snapshot));
      draw();
    },
    end: () => {
      clearInterval(timer);
      over.abort();
    },
  };
}

const printed = ({ outputs }: Snapshot): Line[] => outputs.flatMap(({ target, text }) => outputLines(target, text));

/** The change that moves: of one that is being taken back its rollback, with a line for what it takes back. */
function picture(cli: Cli, { change, rollback }: Snapshot, samples: readonly VersionSample[]): Line[] {
  const foot = footerLines(cli, { change, rollback }, false);
  const above = rollback === null ? [] : changeLines(change, { now: Date.now(), maxTargets: 0 }).slice(0, 1);
  const rows = cli.screen.rows - foot.length - above.length;
  const lines = watchLines(rollback ?? change, { now: Date.now(), columns: cli.screen.width, rows, samples });
  return [...above, ...lines, ...foot];
}

function news(cli: Cli, before: Snapshot | null, { change, rollback }: Snapshot): Line[] {
  return [
    ...changeNews(before?.change ?? null, change),
    ...(rollback === null ? [] : changeNews(before?.rollback ?? null, rollback)),
    ...(before?.change.state === change.state ? [] : waitingLines(cli, change)),
    ...(before?.rollback?.state === rollback?.state ? [] : rollbackLines(cli, rollback)),
  ];
}

/** The live picture: the change, its rollback below it, and what may be done now. */
function tree(cli: Cli, { change, rollback }: Snapshot, over: boolean): Line[] {
  const now = Date.now();
  const lines = changeLines(change, { now });
  const below = rollback === null ? [] : changeLines(rollback, { now }).map((each) => [span("  "), ...each]);
  return [...lines, ...below, ...footerLines(cli, { change, rollback }, over)];
}

function footerLines(cli: Cli, { change, rollback }: Pick<Snapshot, "change" | "rollback">, over: boolean): Line[] {
  // What may be done with a change that is over is the answer of the command; of its rollback only this tells.
  const waiting = [...(over || hasEnded(change) ? [] : waitingLines(cli, change)), ...rollbackLines(cli, rollback)];
  if (waiting.length > 0) return [line(""), ...waiting];
  if (over || hasEnded(change)) return [];
  const verbs = (rollback ?? change).allowedActions.join(" | ");
  const may = verbs === "" ? "" : `${cli.name} change ${verbs} ${shortId((rollback ?? change).id)} · `;
  return [line(""), line(span(`  ${may}Ctrl-C leaves it running`, "dim"))];
}

function waitingLines(cli: Cli, change: Change): Line[] {
  return WAITS_FOR_A_PERSON.includes(change.state) ? actionLines(cli, change) : [];
}

function rollbackLines(cli: Cli, rollback: Change | null): Line[] {
  if (rollback === null) return [];
  return rollback.state === "failed" ? actionLines(cli, rollback) : waitingLines(cli, rollback);
}

function outputLines(target: string, text: string): Line[] {
  return text
    .split("\n")
    .filter((each) => each.trim() !== "")
    .map((each) => line(span(`      ${target} │ `, "dim"), each));
}

function leftRunning(cli: Cli, changeId: ChangeId, change: Change | null): Line[] {
  const id = shortId(changeId);
  const allowed = change?.allowedActions ?? [];
  return [
    line("The change goes on without you."),
    ...commandLines(cli, [
      [`change watch ${id}`, "shows it again"],
      ...(allowed.includes("pause") ? [[`change pause ${id}`, "stops after the hosts in hand"] as const] : []),
      ...(allowed.includes("cancel") ? [[`change cancel ${id}`, "ends it"] as const] : []),
    ]),
  ];
}
