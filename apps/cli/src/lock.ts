import { allItems } from "@evenkeel/client/page";
import { stateName } from "@evenkeel/client/text/change";
import { duration, type Line, line, span } from "@evenkeel/client/text/line";
import type { Lock } from "@evenkeel/contracts/change";
import { PlatformError } from "@evenkeel/contracts/error";
import { findChange } from "./change/find.ts";
import { type AddCommands, commandLines } from "./context.ts";
import { details, table } from "./table.ts";

interface TakeOverOptions {
  readonly reason: string;
  readonly change?: string;
}

export const addLockCommands: AddCommands = (program, run) => {
  const lock = program.command("lock").description("what changes hold");
  lock
    .command("list")
    .description("every lock with its holder, since and why")
    .action(
      run(async (cli) => {
        const locks = await allItems((await cli.client()).listLocks, {});
        locks.sort((one, other) => (one.mode + one.label < other.mode + other.label ? -1 : 1));
        cli.answer(locks, table(locks, COLUMNS, "Nothing is locked."));
      }),
    );
  lock
    .command("show")
    .argument("<resource>", "as `lock list --json` names it")
    .description("one lock: holder, since, why, and what frees it")
    .action(
      run(async (cli, resource: string) => {
        const locks = await allItems((await cli.client()).listLocks, { resource });
        if (locks.length === 0) throw new PlatformError("NOT_FOUND", { resource: `lock ${resource}` });
        const commands = locks.map(({ changeId }) => [`change blockers ${changeId}`, "what keeps the holder"] as const);
        cli.answer(locks, [...locks.flatMap(show), ...commandLines(cli, commands)]);
      }),
    );
  lock
    .command("take-over")
    .argument("<resource>", "as `lock list --json` names it")
    .description("closes the change that holds it, however far it is, and lists what that leaves")
    .requiredOption("--reason <text>", "why; it stands in the audit")
    .option("--change <change>", "which one, where several hold it")
    .action(
      run(async (cli, resource: string, { reason, change }: TakeOverOptions) => {
        const changeId = change === undefined ? undefined : await findChange(cli, change);
        const closed = await (await cli.client()).takeLockOver({ body: { resource, changeId, reason } });
        cli.answer(closed, [
          line(span("✔", "good"), ` ${resource} is free; ${closed.title} is ${stateName(closed.state)}`),
          ...closed.leftBehind.map((left) => line(span(`  left as it is: ${left}`, "warn"))),
        ]);
      }),
    );
};

const COLUMNS = [
  { title: "RESOURCE", value: ({ label }: Lock) => span(label, "bold") },
  { title: "MODE", value: ({ mode }: Lock) => mode },
  { title: "HELD BY", value: ({ holder }: Lock) => holder },
  { title: "FOR", value: ({ since }: Lock) => duration(Date.now() - Date.parse(since)) },
  { title: "STATE", value: ({ state }: Lock) => stateName(state) },
  { title: "CHANGE", value: ({ changeId, title }: Lock) => `${title}  ${changeId}` },
];

function show({ resource, label, mode, holder, since, title, changeId, state, reason }: Lock): Line[] {
  return details([
    ["resource", span(label, "bold")],
    ["named", resource],
    ["mode", mode],
    ["held by", holder],
    ["since", since],
    ["for", `${title}  ${changeId}, ${stateName(state)}`],
    ["why", reason ?? "no reason was given"],
  ]);
}
