import { shortId, stateMark, stateName } from "@evenkeel/client/text/change";
import { type Line, line, span } from "@evenkeel/client/text/line";
import { planLines } from "@evenkeel/client/text/plan";
import type { Change } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Command } from "commander";
import { type Cli, commandLines } from "../context.ts";
import { Exit } from "../exit.ts";
import { actionsOf } from "./actions.ts";
import { watchChange } from "./watch.ts";

/** How a change is begun, whatever its kind. */
export interface CarryOptions {
  readonly yes?: boolean;
  readonly wait?: boolean;
  readonly watch: boolean;
  readonly emergency?: boolean;
  readonly reason?: string;
}

/** Adds the option of a command that asks. */
export const withConsent = (command: Command): Command =>
  command.option("-y, --yes", "do not ask where the plan warns of something");

/** Adds the options of a command that plans a change, begins it and shows it live. */
export function withCarryOptions(command: Command): Command {
  return withConsent(command)
    .option("--wait", "queue where another change holds it, or a window is shut")
    .option("--no-watch", "start it and return")
    .option("--emergency", "past freezes and approvals; needs --reason")
    .option("--reason <text>", "why; it stands in the change and in the audit");
}

/** What is to be carried out. */
export interface Carried {
  readonly kind: string;
  readonly spec: unknown;
  /** Asked where the plan warns of something. */
  readonly question: string;
  /** It takes something away that nothing brings back. */
  readonly forGood?: boolean;
}

/** Plans a change, shows the plan, begins it and watches it to its end; null = it was begun and is not watched. */
export async function carryOut(
  cli: Cli,
  { kind, spec, question, forGood = false }: Carried,
  options: CarryOptions,
): Promise<Change | null> {
  const client = await cli.client();
  const { plan } = await client.planChange({ body: { kind, spec } });
  cli.note(line(""), ...planLines(plan), line(""));
  await agree(cli, { plan, question, forGood }, options);
  const { wait, emergency, reason } = options;
  const because = reason === undefined ? {} : { reason };
  const start = { ...(wait && { wait }), ...(emergency && { emergency }), ...because };
  const started = await client.createChange({ body: { kind, spec, start, ...because } });
  if (options.watch) return await watchChange(cli, started.id);
  cli.answer(started, [
    line(stateMark(started.state), ` ${started.title}: `, stateName(started.state), `  ${shortId(started.id)}`),
    ...commandLines(cli, [[`change watch ${shortId(started.id)}`, "shows it live"]]),
  ]);
  return null;
}

interface Agreement extends Pick<Carried, "question" | "forGood"> {
  readonly plan: Plan;
}

/** A person is asked only where there is something to think about. */
export async function agree(
  cli: Cli,
  { plan, question, forGood = false }: Agreement,
  { yes }: Pick<CarryOptions, "yes">,
): Promise<void> {
  if (yes || (plan.warnings.length === 0 && plan.irreversible === null)) return;
  // What takes something away for good is not done because nobody was there to be asked.
  if (!cli.io.interactive && forGood) throw new PlatformError("CONSENT_MISSING", { title: plan.title });
  if (!cli.io.interactive) return;
  const { confirm } = await import("@clack/prompts");
  if ((await confirm({ message: question })) !== true) throw new Exit(1);
}

/** How a change ended, with what it found and what may be done now; the command fails with the change. */
export function answerEnd(cli: Cli, ended: Change, found: readonly Line[] = []): void {
  cli.answer(ended, [
    line(""),
    line(stateMark(ended.state), " ", span(ended.title, "bold"), ": ", stateName(ended.state)),
    ...found,
    ...(ended.state === "succeeded"
      ? []
      : commandLines(cli, [...actionsOf(ended), [`change show ${shortId(ended.id)}`, "tells all of it"]])),
  ]);
  if (ended.state !== "succeeded") throw new Exit(1);
}
