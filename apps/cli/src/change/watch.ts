import { followChange, type Snapshot } from "@evenkeel/client/snapshot";
import { type Line, line, span } from "@evenkeel/client/text/line";
import { changeNews } from "@evenkeel/client/text/news";
import type { Change } from "@evenkeel/contracts/change";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Cli } from "../context.ts";
import { Exit } from "../exit.ts";
import { takeSeat } from "../seat.ts";
import { actionLines } from "./actions.ts";
import { awayLines, hasEnded, lastPicture, leftRunning, picture, waitsForPerson } from "./picture.ts";
import { followTraffic } from "./traffic.ts";

const FRAME_MS = 100;

/** Shows a change live until it has ended or has failed; Ctrl-C leaves it running. */
export async function watchChange(cli: Cli, changeId: ChangeId): Promise<Change> {
  const seat = takeSeat(cli);
  const show = shower(cli, seat.left);
  let shown: Snapshot | null = null;
  try {
    for await (const snapshot of followChange(await cli.client(), changeId, { signal: seat.left })) {
      shown = snapshot;
      show.take(snapshot);
      if (isOver(snapshot)) break;
    }
  } finally {
    show.end();
    cli.screen.show([]);
    seat.release();
    if (cli.screen.live && shown !== null) cli.note(...lastPicture(cli, shown));
  }
  if (shown === null || seat.left.aborted) {
    cli.note(...leftRunning(cli, changeId, shown?.change ?? null));
    throw new Exit(seat.code());
  }
  return shown.change;
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
      // Of what was printed before one came, what there is room for.
      const told = shown === null ? printed(snapshot).slice(-cli.screen.rows) : printed(snapshot);
      shown = snapshot;
      cli.screen.print(told);
      draw();
    },
    end: () => {
      clearInterval(timer);
      over.abort();
    },
  };
}

const printed = ({ outputs }: Snapshot): Line[] => outputs.flatMap(({ target, text }) => outputLines(target, text));

function news(cli: Cli, before: Snapshot | null, { change, rollback, awaySince }: Snapshot): Line[] {
  const back = before?.awaySince != null && awaySince === null;
  return [
    ...(back ? [line(span("  a control plane answers again", "good"))] : []),
    ...changeNews(before?.change ?? null, change),
    ...(rollback === null ? [] : changeNews(before?.rollback ?? null, rollback)),
    ...(before?.change.state === change.state ? [] : waitsForPerson(cli, change)),
    ...(rollback === null || before?.rollback?.state === rollback.state ? [] : rollbackLines(cli, rollback)),
    ...(before?.awaySince === awaySince ? [] : awayLines(awaySince)),
  ];
}

function rollbackLines(cli: Cli, rollback: Change): Line[] {
  return rollback.state === "failed" ? actionLines(cli, rollback) : waitsForPerson(cli, rollback);
}

function outputLines(target: string, text: string): Line[] {
  return text
    .split("\n")
    .filter((each) => each.trim() !== "")
    .map((each) => line(span(`      ${target} │ `, "dim"), each));
}
