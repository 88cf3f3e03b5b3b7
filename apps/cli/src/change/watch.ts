import { followChange, type Snapshot } from "@evenkeel/client/snapshot";
import { changeLines, shortId } from "@evenkeel/client/text/change";
import { type Line, line, span } from "@evenkeel/client/text/line";
import { changeNews } from "@evenkeel/client/text/news";
import type { Change } from "@evenkeel/contracts/change";
import { type ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { type Cli, commandLines } from "../context.ts";
import { Exit } from "../exit.ts";
import { actionLines } from "./actions.ts";

const REDRAW_MS = 1000;
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
  const show = shower(cli);
  let last: Change | null = null;
  let shown: Snapshot | null = null;
  try {
    const options = { signal: stop.signal, ...(cli.screen.live && { everyMs: REDRAW_MS }) };
    for await (const snapshot of followChange(await cli.client(), changeId, options)) {
      shown = snapshot;
      last = snapshot.change;
      show(snapshot);
      if (isOver(snapshot)) break;
    }
  } finally {
    process.off("SIGINT", interrupt);
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

function shower(cli: Cli): (snapshot: Snapshot) => void {
  const { screen } = cli;
  let before: Snapshot | null = null;
  return (snapshot) => {
    if (cli.json) return;
    screen.print(snapshot.outputs.flatMap(({ target, text }) => outputLines(target, text)));
    if (screen.live) screen.show(tree(cli, snapshot, false));
    else screen.print(news(cli, before, snapshot));
    before = snapshot;
  };
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
  return over || hasEnded(change) ? [] : [line(span("  Ctrl-C leaves it running", "dim"))];
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
