import { allItems } from "@evenkeel/client/page";
import { stateName } from "@evenkeel/client/text/change";
import { duration, span } from "@evenkeel/client/text/line";
import type { Lock } from "@evenkeel/contracts/change";
import type { AddCommands } from "./context.ts";
import { table } from "./table.ts";

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
};

const COLUMNS = [
  { title: "RESOURCE", value: ({ label }: Lock) => span(label, "bold") },
  { title: "MODE", value: ({ mode }: Lock) => mode },
  { title: "HELD BY", value: ({ holder }: Lock) => holder },
  { title: "FOR", value: ({ since }: Lock) => duration(Date.now() - Date.parse(since)) },
  { title: "STATE", value: ({ state }: Lock) => stateName(state) },
  { title: "CHANGE", value: ({ changeId, title }: Lock) => `${title}  ${changeId}` },
];
