import type { Snapshot } from "@evenkeel/client/snapshot";
import { changeLines, shortId } from "@evenkeel/client/text/change";
import { elapsed, type Line, line, span } from "@evenkeel/client/text/line";
import { watchLines } from "@evenkeel/client/text/watch";
import type { Change } from "@evenkeel/contracts/change";
import { type ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { ChangeId } from "@evenkeel/contracts/id";
import { textWidth } from "@evenkeel/contracts/text-width";
import { type Cli, commandLines } from "../context.ts";
import { actionLines } from "./actions.ts";

const WAITS_FOR_A_PERSON: readonly ChangeState[] = [
  "awaiting-approval",
  "awaiting-confirmation",
  "paused",
  "scheduled",
];
/** What a command says below the last picture: how it ended and what may be done now. */
const ROWS_OF_THE_END = 9;

type Pair = Pick<Snapshot, "change" | "rollback">;

/** In `failed` only a person can go on. */
export function hasEnded({ state }: Change): boolean {
  return isTerminal(state) || state === "failed";
}

/** The change that moves: of one that is being taken back its rollback, with a line for what it takes back. */
export function picture(
  cli: Cli,
  { change, rollback, awaySince }: Snapshot,
  samples: readonly VersionSample[],
): Line[] {
  const foot = [...footerLines(cli, { change, rollback }), ...awayLines(awaySince)];
  const above = rollback === null ? [] : changeLines(change, { now: Date.now(), maxTargets: 0 }).slice(0, 1);
  const rows = cli.screen.rows - foot.length - above.length;
  const lines = watchLines(rollback ?? change, { now: Date.now(), columns: cli.screen.width, rows, samples });
  return [...above, ...lines, ...foot];
}

/** What stays when nobody watches any more: whole where it fits, else folded as it was, so that nothing of it scrolls away. */
export function lastPicture(cli: Cli, { change, rollback }: Pair): Line[] {
  const now = Date.now();
  const waiting = waitingLines(cli, { change, rollback });
  const foot = waiting.length === 0 ? [] : [line(""), ...waiting];
  const rows = cli.screen.rows - ROWS_OF_THE_END - foot.length;
  const below = rollback === null ? [] : changeLines(rollback, { now }).map((each) => [span("  "), ...each]);
  const whole = [...changeLines(change, { now }), ...below];
  if (whole.length <= rows) return [...whole, ...foot];
  const above = rollback === null ? [] : changeLines(change, { now, maxTargets: 0 }).slice(0, 1);
  const folded = watchLines(rollback ?? change, { now, columns: cli.screen.width, rows: rows - above.length - 1 });
  const all = `  ${cli.name} change show ${shortId((rollback ?? change).id)}   tells of every host`;
  return [...above, ...folded, line(span(all, "dim")), ...foot];
}

/** Where nobody tells anything, the picture stands still: that has to be said. */
export function awayLines(awaySince: string | null): Line[] {
  if (awaySince === null) return [];
  return [line(span(`  ⚠ no control plane for ${elapsed(awaySince, null, Date.now())}; the change goes on`, "warn"))];
}

/** What a change waits for a person to do, and where its rollback has failed, what may be done with that. */
export function waitingLines(cli: Cli, { change, rollback }: Pair): Line[] {
  const own = hasEnded(change) ? [] : waitsForPerson(cli, change);
  if (rollback === null) return own;
  return [...own, ...(rollback.state === "failed" ? actionLines(cli, rollback) : waitsForPerson(cli, rollback))];
}

export function waitsForPerson(cli: Cli, change: Change): Line[] {
  return WAITS_FOR_A_PERSON.includes(change.state) ? actionLines(cli, change) : [];
}

function footerLines(cli: Cli, { change, rollback }: Pair): Line[] {
  const waiting = waitingLines(cli, { change, rollback });
  if (waiting.length > 0) return [line(""), ...waiting];
  if (hasEnded(change)) return [];
  const { allowedActions, id } = rollback ?? change;
  const leaves = "Ctrl-C leaves it running";
  if (allowedActions.length === 0) return [line(""), line(span(`  ${leaves}`, "dim"))];
  const verbs = allowedActions.join(" | ");
  const command = `  ${cli.name} change ${verbs} ${shortId(id)}`;
  const fits = (text: string) => textWidth(text) < cli.screen.width;
  // How one gets out of it is never what is cut off, and no command is shown that cannot be copied.
  if (fits(`${command} · ${leaves}`)) return [line(""), line(span(`${command} · ${leaves}`, "dim"))];
  const allowed = fits(command) ? command : `  allowed: ${verbs}`;
  return [line(""), line(span(allowed, "dim")), line(span(`  ${leaves}`, "dim"))];
}

/** For whoever leaves: the change does not stop with him. */
export function leftRunning(cli: Cli, changeId: ChangeId, change: Change | null): Line[] {
  const id = shortId(changeId);
  const allowed = change?.allowedActions ?? [];
  return [
    line(""),
    line("The change goes on without you."),
    ...commandLines(cli, [
      [`change watch ${id}`, "shows it again"],
      ...(allowed.includes("pause") ? [[`change pause ${id}`, "stops after the hosts in hand"] as const] : []),
      ...(allowed.includes("cancel") ? [[`change cancel ${id}`, "ends it"] as const] : []),
    ]),
  ];
}
