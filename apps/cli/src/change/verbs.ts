import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { shortId, stateMark, stateName } from "@evenkeel/client/text/change";
import { line, plural, span } from "@evenkeel/client/text/line";
import { expectedText, planLines } from "@evenkeel/client/text/plan";
import { type BatchView, type Change, RollbackSpeed, VERB_BODIES, type VerbBody } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ChangeAction, ChangeState } from "@evenkeel/contracts/change-state";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Command } from "commander";
import type { Cli, Run } from "../context.ts";
import { Exit } from "../exit.ts";
import { type StrategyOptions, strategyOf, withStrategyOptions } from "../strategy-options.ts";
import { actionLines, confirmable, quotedName } from "./actions.ts";
import { arrange, type Edits, type Group, plannedGroups } from "./arrange.ts";
import { agree, withConsent } from "./carry-out.ts";
import { findChange } from "./find.ts";
import { hasEnded } from "./picture.ts";
import { watchChange } from "./watch.ts";

interface VerbOptions extends StrategyOptions, Edits {
  readonly at?: string;
  readonly expiresAt?: string;
  readonly wait?: boolean;
  readonly emergency?: boolean;
  readonly reason?: string;
  readonly groups?: string;
  readonly now?: boolean;
  readonly traffic?: string;
  readonly speed?: RollbackSpeed;
  readonly toRevision?: string;
  readonly watch?: boolean;
  readonly yes?: boolean;
}

interface Verb {
  readonly action: ChangeAction;
  readonly does: string;
  /** Names after the change: hosts, batches or steps. */
  readonly names?: string;
  readonly options?: (command: Command) => Command;
  readonly body?: (given: Given) => unknown | Promise<unknown>;
}
interface Given {
  readonly cli: Cli;
  readonly change: Change;
  readonly names: readonly string[];
  readonly options: VerbOptions;
}

const withReason = (command: Command) => command.requiredOption("--reason <text>", "why; it stands in the audit");

const VERBS: readonly Verb[] = [
  {
    action: "start",
    does: "begins a planned change",
    options: (command) =>
      command
        .option("--at <time>", "not before this time (ISO 8601)")
        .option("--expires-at <time>", "not after this time (ISO 8601)")
        .option("--wait", "queue where a lock is held or a window is shut")
        .option("--emergency", "past freezes and approvals; needs --reason")
        .option("--reason <text>", "why"),
    body: ({ options: { at, expiresAt, wait, emergency, reason } }) => ({ at, expiresAt, wait, emergency, reason }),
  },
  {
    action: "replan",
    does: "makes the plan anew, or arranges its batches by hand",
    options: (command) =>
      command
        .option("--merge <batches...>", 'batches into the first of them ("zone a,zone b")')
        .option("--split <batch...>", 'a batch into so many ("zone b:2"), or hosts out of it ("zone b:local-3")')
        .option("--move <host...>", 'hosts into another batch ("local-3:beta")')
        .option("--groups <file>", "JSON: [{groupId, batches: [{name, targetIds}]}]"),
    body: async ({ cli, change, options }) => {
      const { groups, merge, split, move } = options;
      if (groups !== undefined) return { groups: await readJson(groups, resolve(cli.io.cwd, groups)) };
      const edited = [merge, split, move].some((each) => each !== undefined);
      return edited ? { groups: arrange(await groupsOf({ cli, change }), options) } : {};
    },
  },
  {
    action: "approve",
    does: "agrees to the plan of a change as it is now",
    // What was read is what is approved.
    body: ({ change }) => ({ planDigest: change.planDigest }),
  },
  {
    action: "reject",
    does: "sends a change back",
    options: withReason,
    body: ({ options: { reason } }) => ({ reason }),
  },
  {
    action: "pause",
    does: "stops a change after the hosts in hand",
    options: (command) => command.option("--now", "already after the steps in hand"),
    body: ({ options: { now } }) => ({ now }),
  },
  { action: "resume", does: "lets a paused change go on" },
  {
    action: "confirm",
    does: "lets a batch begin; without names the one that waits",
    names: "batches",
    body: ({ change, names }) => ({ batchIds: batchIds(change, names) }),
  },
  {
    action: "retry",
    does: "tries failed hosts again; without names all of them",
    names: "hosts",
    body: async (given) => (given.names.length === 0 ? {} : { targetIds: await targetIds(given) }),
  },
  {
    action: "skip",
    does: "leaves hosts out",
    names: "hosts",
    options: (command) => command.requiredOption("--traffic <what>", "leave-detached, or re-attach what runs"),
    body: async (given) => ({ targetIds: await targetIds(given), traffic: given.options.traffic }),
  },
  {
    action: "declare-lost",
    does: "says that steps without an answer are lost",
    names: "steps",
    options: withReason,
    body: ({ names, options: { reason } }) => ({ stepIds: names, reason }),
  },
  { action: "cancel", does: "ends a change; the hosts in hand become whole" },
  {
    action: "rollback",
    does: "brings back what ran before, by a change of its own",
    options: (command) =>
      withConsent(withStrategyOptions(withReason(command)))
        .option("--speed <speed>", "follow the batches, or fast", "fast")
        .option("--to-revision <id>", "another revision than the one before"),
    body: ({ options }) => {
      const { speed, toRevision, reason } = options;
      return { speed, toRevision, reason, strategy: strategyOf(options) ?? undefined };
    },
  },
  {
    action: "close",
    does: "ends a change as it stands and lists what it leaves",
    options: withReason,
    body: ({ options: { reason } }) => ({ reason }),
  },
];

/** Adds one command for each verb of a change, or for these alone. */
export function addVerbs(parent: Command, run: Run, only?: readonly ChangeAction[]): void {
  for (const verb of VERBS.filter(({ action }) => only?.includes(action) ?? true)) {
    const command = parent
      .command(verb.action)
      .description(verb.does)
      .argument("<change>", "id, a unique end of it, or latest");
    if (verb.names !== undefined) command.argument(`[${verb.names}...]`);
    verb.options?.(command);
    command.option("--watch", verb.action === "rollback" ? "begin it and show it live" : "stay and show it live");
    // Without names commander leaves that argument out: the options are always what comes last.
    command.action(
      run(async (cli, change: string, ...rest: readonly (string[] | VerbOptions)[]) => {
        const options = rest.at(-1) as VerbOptions;
        const names = rest.length > 1 ? (rest[0] as string[]) : [];
        await act(cli, verb, { id: await findChange(cli, change), names, options });
      }),
    );
  }
}

async function act(cli: Cli, verb: Verb, given: { id: ChangeId; names: readonly string[]; options: VerbOptions }) {
  const { id, names, options } = given;
  const client = await cli.client();
  const change = await client.getChange({ params: { changeId: id } });
  const body = checkBody(verb.action, (await verb.body?.({ cli, change, names, options })) ?? {});
  if (verb.action === "rollback") {
    const plan = await foretell(cli, id, body as VerbBody<"rollback">);
    // That of a change which has succeeded is planned only, unless it is to be watched.
    const begins = options.watch || !hasEnded(change) || change.state === "failed";
    if (plan !== null && begins) await agree(cli, { plan, question: "Roll back all the same?" }, options);
  }
  const after = await client.act(id, verb.action, body);
  if (options.watch) return await watchTo(cli, verb, after);
  // Who arranged its batches wants to see them.
  const plan = verb.action === "replan" ? planLines((await client.getPlan({ params: { changeId: id } })).plan) : [];
  cli.answer(after, [
    ...plan,
    line(stateMark(after.state), ` ${after.title}: `, stateName(after.state), `  ${shortId(after.id)}`),
    ...(hasEnded(after) && after.state !== "failed" ? [] : actionLines(cli, after)),
  ]);
}

async function watchTo(cli: Cli, { action }: Verb, after: Change): Promise<void> {
  const client = await cli.client();
  // The rollback of a change that had ended is planned first; who wants to watch it wants it to begin.
  if (action === "rollback" && after.state === "planned") await client.act(after.id, "start", {});
  const ended = await watchChange(cli, after.id);
  cli.answer(ended, actionLines(cli, ended));
  const wanted: ChangeState[] = action === "rollback" ? ["succeeded", "rolled-back"] : ["succeeded"];
  if (!wanted.includes(ended.state)) throw new Exit(1);
}

/** How long the way back takes at either speed, before it begins, and its plan; where it is refused the verb itself says why. */
async function foretell(
  cli: Cli,
  changeId: ChangeId,
  { reason: _, ...body }: VerbBody<"rollback">,
): Promise<Plan | null> {
  if (cli.json && !cli.io.interactive) return null;
  let found: Plan | null = null;
  const client = await cli.client();
  const speeds = body.strategy === undefined ? RollbackSpeed.options : [body.speed];
  for (const speed of speeds) {
    const preview = await client.planRollback({ params: { changeId }, body: { ...body, speed } }).catch(() => null);
    if (preview === null) return null;
    const { plan } = preview;
    if (speed === body.speed) found = plan;
    const batches = plural(plan.groups.flatMap((group) => group.batches).length, "batch");
    const chosen = speed === body.speed ? span("● ", "busy") : span("  ");
    cli.note(line(chosen, speed.padEnd(8), span(`${batches}, takes ${expectedText(plan)}`, "dim")));
  }
  cli.note(...(found?.warnings ?? []).map((text) => line(span("  warning ", "dim"), span(text, "warn"))));
  return found;
}

/** `name` is the file as the person wrote it. */
async function readJson(name: string, path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    const why = UNREADABLE[error.code ?? ""] ?? `cannot be read (${error.code})`;
    throw new PlatformError("INPUT_INVALID", { problem: `${name}: ${why}` });
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // It quotes the file, with its line breaks.
    const why = (error as Error).message.replaceAll(/\s+/g, " ");
    throw new PlatformError("INPUT_INVALID", { problem: `${name}: not JSON (${why})` });
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "is a folder",
  EACCES: "may not be read",
};

function checkBody<Action extends ChangeAction>(action: Action, body: unknown): VerbBody<Action> {
  const parsed = VERB_BODIES[action].safeParse(body);
  if (parsed.success) return parsed.data as VerbBody<Action>;
  const first = parsed.error.issues[0];
  throw new PlatformError("INPUT_INVALID", { problem: `${first?.path.join(".")}: ${first?.message}` });
}

function batchIds(change: Change, names: readonly string[]): string[] {
  const batches = change.groups.flatMap((group) => group.batches);
  if (names.length > 0) return names.map((name) => batchIdOf(batches, name));
  const waiting = batches.filter(({ state }) => state === "awaiting-confirmation").map(({ batchId }) => batchId);
  if (waiting.length > 0) return waiting;
  const ahead = confirmable(batches);
  if (ahead.length > 0) {
    const named = ahead.map((batch) => quotedName(batch, batches)).join(", ");
    throw new PlatformError("BATCH_NOT_WAITING", { change: change.id, batches: named });
  }
  const facts = { resource: `change ${change.id}`, state: change.state, allowed: change.allowedActions };
  throw new PlatformError("ACTION_NOT_ALLOWED", { action: "confirm", ...facts });
}

/** By its id; by its name where of those that may be confirmed one alone is called so: each group has a first batch. */
function batchIdOf(batches: readonly BatchView[], name: string): string {
  if (batches.some(({ batchId }) => batchId === name)) return name;
  const called = batches.filter((batch) => batch.name === name);
  const open = confirmable(called);
  const [found, ...more] = open.length > 0 ? open : called;
  if (found === undefined) throw new PlatformError("BATCH_UNKNOWN", { batch: name });
  if (more.length === 0) return found.batchId;
  const matches = [found, ...more].map((batch) => quotedName(batch, batches)).join(" or ");
  throw new PlatformError("NAME_AMBIGUOUS", { name, matches });
}

async function targetIds(given: Pick<Given, "cli" | "change" | "names">): Promise<string[]> {
  const targets = (await groupsOf(given)).flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  return given.names.map((name) => {
    const found = targets.find((target) => target.targetId === name || target.name === name);
    if (found === undefined) throw new PlatformError("TARGET_UNKNOWN", { target: name });
    return found.targetId;
  });
}

/** The batches with all their hosts: of a large change its tree does not hold them, but its plan does. */
async function groupsOf({ cli, change }: Pick<Given, "cli" | "change">): Promise<Group[]> {
  const batches = change.groups.flatMap((group) => group.batches);
  if (batches.every(({ targets, targetCounts }) => targets.length === targetCounts.total)) return change.groups;
  return plannedGroups((await (await cli.client()).getPlan({ params: { changeId: change.id } })).plan);
}
