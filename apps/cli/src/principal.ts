import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { PrincipalGroup } from "@evenkeel/contracts/principal";
import type { AddCommands } from "./context.ts";
import { table } from "./table.ts";

export const addPrincipalCommands: AddCommands = (program, run) => {
  const group = program
    .command("principal")
    .description("who may act")
    .command("group")
    .description("principals that rules name together");
  group
    .command("list")
    .description("all groups with their members")
    .action(
      run(async (cli) => {
        const groups = await allItems((await cli.client()).listPrincipalGroups, {});
        cli.answer(groups, table(groups, COLUMNS, "There is no group."));
      }),
    );
  group
    .command("show")
    .argument("<group>")
    .description("one group with its members")
    .action(
      run(async (cli, name: string) => {
        const found = await (await cli.client()).getPrincipalGroup({ params: { group: name } });
        cli.answer(found, table([found], COLUMNS, ""));
      }),
    );
  group
    .command("set")
    .argument("<group>")
    .argument("[members...]", "principals; a token makes one")
    .description("makes a group, or gives it these members and no others")
    .action(
      run(async (cli, name: string, ...rest: readonly (string[] | object)[]) => {
        const members = Array.isArray(rest[0]) ? (rest[0] as string[]) : [];
        const made = await (await cli.client()).setPrincipalGroup({ params: { group: name }, body: { members } });
        cli.answer(made, [line(span("✔", "good"), ` group ${made.name}: ${made.members.join(", ") || "nobody"}`)]);
      }),
    );
  group
    .command("remove")
    .argument("<group>")
    .description("takes a group away that no rule names")
    .action(
      run(async (cli, name: string) => {
        await (await cli.client()).removePrincipalGroup({ params: { group: name } });
        cli.answer({ removed: name }, [line(span("✔", "good"), ` group ${name} is removed`)]);
      }),
    );
};

const COLUMNS = [
  { title: "GROUP", value: ({ name }: PrincipalGroup) => span(name, "bold") },
  { title: "MEMBERS", value: ({ members }: PrincipalGroup) => members.join(", ") || "nobody" },
];
