import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Cell } from "@evenkeel/contracts/workspace";
import type { Command } from "commander";
import { type CarryOptions, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli } from "./context.ts";
import { type StrategyOptions, withStrategyOptions } from "./strategy-options.ts";
import { table } from "./table.ts";
import { type MoveOptions, moveTraffic, withMoveOptions } from "./traffic-rule.ts";

interface CellOptions {
  readonly zones?: string[];
  readonly shared?: boolean;
  readonly colour?: string;
  readonly gray?: boolean;
  readonly failOver?: string;
}

export const addCellCommands: AddCommands = (program, run) => {
  const cell = program.command("cell").description("boundaries of service communication inside a workspace");
  cell
    .command("list")
    .description("all cells, and their share of the users")
    .action(
      run(async (cli) => {
        const query = cli.workspace === undefined ? {} : { workspace: cli.workspace };
        const cells = await allItems((await cli.client()).listCells, query);
        cli.answer(cells, table(cells, columnsOf(cells), "There is no cell."));
      }),
    );
  withCellOptions(cell.command("create").argument("<name>")).description("makes a cell").action(run(create));
  const edit = withCellOptions(cell.command("edit").argument("<name>"));
  withCarryOptions(withStrategyOptions(edit.option("--allow-gap", ALLOW_GAP)))
    .description("changes what a cell is; by a change, where that decides who serves whom")
    .action(run(alter));
  withMoveOptions(cell.command("switch").argument("<weights...>", "as in blue=0 green=100"))
    .description("gives cells other shares of the users, by a change")
    .action(
      run(async (cli, weights: string[], options: MoveOptions) =>
        moveTraffic(cli, { cells: weights.map(weightIn) }, options),
      ),
    );
  for (const [verb, away] of [
    ["away", true],
    ["back", false],
  ] as const)
    withCarryOptions(cell.command(verb).argument("<cell>").option("--allow-gap", ALLOW_GAP))
      .description(
        away ? "its fail-over cell takes its traffic, by a change" : "it takes its own traffic again, by a change",
      )
      .action(
        run(async (cli, name: string, { allowGap, ...options }: CarryOptions & { readonly allowGap?: boolean }) =>
          moveTraffic(cli, { cells: [{ cell: name, away }], ...(allowGap && { allowGap }) }, options),
        ),
      );
};

const withCellOptions = (command: Command): Command =>
  command
    .option("--zones <zones...>", "where it stands")
    .option("--shared", "serves the other cells of its zones")
    .option("--no-shared", "its traffic is its own")
    .option("--colour <colour>", "of a blue-green pair")
    .option("--gray", "takes no share of the users by weight")
    .option("--no-gray", "takes its share")
    .option("--fail-over <cell>", "where its traffic goes when it has nobody; none = nowhere");

function weightIn(text: string): { cell: string; weight: number } {
  const [, cell, weight] = /^([a-z][a-z0-9-]*)=(\d+)$/.exec(text) ?? [];
  if (cell !== undefined) return { cell, weight: Number(weight) };
  throw new PlatformError("INPUT_INVALID", { problem: `${text}: must be a cell and its weight, as in blue=100` });
}

const ALLOW_GAP = "even where users of a cell find nobody of a service then";
const workspaceOf = (cli: Cli): string => cli.workspace ?? "local";

function trafficOf({ zones, shared, gray, failOver }: CellOptions) {
  return {
    ...(zones !== undefined && { zones: zones.flatMap((each) => each.split(",")) }),
    ...(shared !== undefined && { type: shared ? ("shared" as const) : ("unit" as const) }),
    ...(gray !== undefined && { gray }),
    ...(failOver !== undefined && { failOver: failOver === "none" ? null : failOver }),
  };
}

const answer = (cli: Cli, made: Cell): void =>
  cli.answer(made, [line(span("✔", "good"), ` cell ${made.name} in ${made.zones.join(", ")}`)]);

async function create(cli: Cli, name: string, options: CellOptions): Promise<void> {
  if (options.zones === undefined) throw new PlatformError("INPUT_INVALID", { problem: "--zones is missing" });
  const { colour } = options;
  const fields = { zones: [], ...trafficOf(options), ...(colour !== undefined && { colour }) };
  answer(cli, await (await cli.client()).createCell({ body: { ...fields, workspace: workspaceOf(cli), name } }));
}

interface AlterOptions extends CellOptions, StrategyOptions, CarryOptions {
  readonly allowGap?: boolean;
}

/** What a cell is called is edited; who serves whom by it is a change of traffic. */
async function alter(cli: Cli, name: string, options: AlterOptions): Promise<void> {
  const { colour, allowGap } = options;
  const traffic = trafficOf(options);
  if (colour !== undefined) {
    const client = await cli.client();
    const cells = await allItems(client.listCells, { workspace: workspaceOf(cli) });
    const found = cells.find((each) => each.name === name);
    if (found === undefined) throw new PlatformError("NOT_FOUND", { resource: `cell ${name} in ${workspaceOf(cli)}` });
    const edited = await client.editCell({ params: { cellId: found.id }, body: { colour } });
    if (Object.keys(traffic).length === 0) return answer(cli, edited);
  }
  await moveTraffic(cli, { cells: [{ cell: name, ...traffic }], ...(allowGap && { allowGap }) }, options);
}

const columnsOf = (cells: readonly Cell[]) => [
  { title: "CELL", value: ({ name }: Cell) => span(name, "bold") },
  { title: "TYPE", value: ({ type, gray }: Cell) => (gray ? `${type}, gray` : type) },
  { title: "COLOUR", value: ({ colour }: Cell) => colour ?? "" },
  { title: "ZONES", value: ({ zones }: Cell) => zones.join(", ") },
  { title: "WEIGHT", value: ({ weight, away }: Cell) => (away ? span(`${weight}, away`, "warn") : String(weight)) },
  { title: "USERS", value: (cell: Cell) => `${shareOf(cell, cells)} %` },
  { title: "FAIL-OVER", value: ({ failOver }: Cell) => failOver ?? "" },
];

/** Weights are shares of their sum; a gray cell has none. */
function shareOf(cell: Cell, cells: readonly Cell[]): number {
  const weightOf = ({ weight, gray, workspaceId }: Cell) => (gray || workspaceId !== cell.workspaceId ? 0 : weight);
  const sum = cells.reduce((total, each) => total + weightOf(each), 0);
  return sum === 0 ? 0 : Math.round((1000 * weightOf(cell)) / sum) / 10;
}
