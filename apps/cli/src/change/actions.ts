import { shortId } from "@evenkeel/client/text/change";
import type { Line } from "@evenkeel/client/text/line";
import type { BatchView, Change, TargetView } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { type Cli, commandLines } from "../context.ts";

const DOES: Record<ChangeAction, string> = {
  start: "begins",
  replan: "makes the plan anew",
  approve: "agrees to it",
  reject: "sends it back",
  pause: "stops after the hosts in hand",
  resume: "goes on",
  confirm: "lets the next batch begin",
  retry: "tries the failed hosts again",
  skip: "leaves a host out",
  "declare-lost": "says that a step without an answer is lost",
  cancel: "ends it; the hosts in hand become whole",
  rollback: "brings back what ran before",
  close: "ends it as it stands",
};

/** The verbs that the API allows now, as commands that work as printed. */
export function actionLines(cli: Cli, change: Change): Line[] {
  return commandLines(cli, actionsOf(change));
}

/** The same as pairs of a command and what it does. */
export function actionsOf(change: Change): [command: string, does: string][] {
  const actions = change.allowedActions.map((action): [string, string] => [
    `change ${action} ${shortId(change.id)}${rest(action, change)}`,
    DOES[action],
  ]);
  const rollback = change.rollbackChangeId;
  if (rollback === null || change.state !== "rolling-back") return actions;
  return [[`change watch ${shortId(rollback)}`, "shows its rollback"], ...actions];
}

function rest(action: ChangeAction, change: Change): string {
  const quoted = '"why"';
  switch (action) {
    case "rollback":
      return ` --speed fast --reason ${quoted}`;
    case "reject":
    case "close":
      return ` --reason ${quoted}`;
    case "confirm":
      return ahead(change);
    case "skip":
      return ` ${skippable(change)} --traffic leave-detached`;
    case "declare-lost":
      return ` ${lostSteps(change)} --reason ${quoted}`;
    default:
      return "";
  }
}

/** Where nothing waits, the batch that would be confirmed ahead of its time. */
function ahead(change: Change): string {
  const batches = change.groups.flatMap((group) => group.batches);
  if (batches.some(({ state }) => state === "awaiting-confirmation")) return "";
  const [next] = confirmable(batches);
  return next === undefined ? "" : ` ${quotedName(next, batches)}`;
}

/** Those behind a confirmation that nobody has given yet. */
export const confirmable = (batches: readonly BatchView[]): BatchView[] =>
  batches.filter(({ allowedActions }) => allowedActions.includes("confirm"));

/** A batch as it may be typed: by its name where no other has it, else by its id. */
export function quotedName({ batchId, name }: BatchView, batches: readonly BatchView[]): string {
  const word = batches.filter((other) => other.name === name).length === 1 ? name : batchId;
  return word.includes(" ") ? `"${word}"` : word;
}

function targetsOf(change: Change): TargetView[] {
  return change.groups.flatMap((group) => group.batches.flatMap((batch) => batch.targets));
}

/** Of those that may be skipped the ones in trouble; else a place for a name. */
function skippable(change: Change): string {
  const troubled = targetsOf(change).filter(
    ({ allowedActions, state }) => allowedActions.includes("skip") && ["failed", "interrupted"].includes(state),
  );
  return troubled.map(({ name }) => name).join(" ") || "HOST";
}

function lostSteps(change: Change): string {
  const steps = targetsOf(change).flatMap((target) => target.steps.filter(({ state }) => state === "unknown"));
  return steps.map(({ id }) => id).join(" ") || "STEP";
}
