import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { Workspace } from "@evenkeel/contracts/workspace";
import type { AddCommands } from "./context.ts";
import { table } from "./table.ts";

export const addWorkspaceCommands: AddCommands = (program, run) => {
  const workspace = program.command("workspace").description("environments: one network, one security policy");
  workspace
    .command("list")
    .description("all workspaces")
    .action(
      run(async (cli) => {
        const workspaces = await allItems((await cli.client()).listWorkspaces, {});
        cli.answer(workspaces, table(workspaces, COLUMNS, "There is no workspace yet."));
      }),
    );
  workspace
    .command("create")
    .argument("<name>")
    .description("makes a workspace; it spans zones of one region")
    .requiredOption("--zones <zones...>", "names of its zones")
    .option("--region <region>", "where it stands", "local")
    .action(
      run(async (cli, name: string, { zones, region }: { zones: string[]; region: string }) => {
        const client = await cli.client();
        const body = { name, region, zones: zones.flatMap((each) => each.split(",")) };
        const made = await client.createWorkspace({ body });
        cli.answer(made, [line(span("✔", "good"), ` workspace ${made.name} with zones ${made.zones.join(", ")}`)]);
      }),
    );
};

const COLUMNS = [
  { title: "WORKSPACE", value: ({ name }: Workspace) => span(name, "bold") },
  { title: "REGION", value: ({ region }: Workspace) => region },
  { title: "ZONES", value: ({ zones }: Workspace) => zones.join(", ") },
];
