import { allItems } from "@evenkeel/client/page";
import { changeLines, shortId, stateName } from "@evenkeel/client/text/change";
import { duration, line, span } from "@evenkeel/client/text/line";
import { planLines } from "@evenkeel/client/text/plan";
import { problemLines } from "@evenkeel/client/text/problem";
import type { Blocker, ChangeSummary } from "@evenkeel/contracts/change";
import type { ChangeState } from "@evenkeel/contracts/change-state";
import { type AddCommands, commandLines } from "../context.ts";
import { Exit } from "../exit.ts";
import { numberOf } from "../number-option.ts";
import { findService } from "../service.ts";
import { table } from "../table.ts";
import { actionLines } from "./actions.ts";
import { findChange } from "./find.ts";
import { addVerbs } from "./verbs.ts";
import { watchChange } from "./watch.ts";

const WHICH = "id, a unique end of it, or latest";

interface ListOptions {
  readonly state?: ChangeState;
  readonly kind?: string;
  readonly service?: string;
  readonly limit: number;
}

export const addChangeCommands: AddCommands = (program, run) => {
  const change = program.command("change").description("alterations of the running world: releases, rollbacks …");
  change
    .command("list")
    .description("changes, newest first")
    .option("--state <state>")
    .option("--kind <kind>")
    .option("--service <service>", "name or id")
    .option("--limit <count>", "at most so many", numberOf, 20)
    .action(
      run(async (cli, { state, kind, service, limit }: ListOptions) => {
        const client = await cli.client();
        const id = service === undefined ? undefined : (await findService(cli, service)).id;
        const query = { state, kind, workspace: cli.workspace, service: id, limit: Math.min(limit, 200) };
        const changes = await allItems(client.listChanges, query, limit);
        cli.answer(changes, table(changes, COLUMNS, "No change fits."));
      }),
    );
  change
    .command("show")
    .argument("[change]", WHICH, "latest")
    .description("one change: batches, hosts, steps, and what may be done now")
    .action(
      run(async (cli, name: string) => {
        const changeId = await findChange(cli, name);
        const found = await (await cli.client()).getChange({ params: { changeId } });
        cli.answer(found, [...changeLines(found, { now: Date.now(), maxTargets: 100 }), ...actionLines(cli, found)]);
      }),
    );
  change
    .command("watch")
    .argument("[change]", WHICH, "latest")
    .description("shows a change live until it has ended; 0 only if it succeeded")
    .action(
      run(async (cli, name: string) => {
        const ended = await watchChange(cli, await findChange(cli, name));
        cli.answer(ended, actionLines(cli, ended));
        if (ended.state !== "succeeded") throw new Exit(1);
      }),
    );
  change
    .command("plan")
    .argument("[change]", WHICH, "latest")
    .description("the frozen plan of a change")
    .action(
      run(async (cli, name: string) => {
        const changeId = await findChange(cli, name);
        const reply = await (await cli.client()).getPlan({ params: { changeId } });
        cli.answer(reply, [...planLines(reply.plan), line(span(`  digest      ${reply.digest}`, "dim"))]);
      }),
    );
  addBlockers(change, run);
  addVerbs(change, run);
  // What approvers do all day stands at the front.
  addVerbs(program, run, ["approve", "reject"]);
};

const addBlockers: AddCommands = (change, run) => {
  change
    .command("blockers")
    .argument("[change]", WHICH, "latest")
    .description("what keeps a change from going on, and what frees it")
    .action(
      run(async (cli, name: string) => {
        const changeId = await findChange(cli, name);
        const { items } = await (await cli.client()).listBlockers({ params: { changeId } });
        cli.answer(items, [
          ...items.flatMap(blockerLines),
          ...(items.length === 0
            ? [line(span("✔", "good"), " nothing keeps it: it goes on by itself, or has ended")]
            : []),
          ...commandLines(
            cli,
            [...new Set(items.flatMap(({ actions }) => actions))].map((action) => [action, ""] as const),
          ),
        ]);
      }),
    );
};

const blockerLines = ({ kind, problem, since }: Blocker) => [
  line(span("○ ", "warn"), span(kind, "bold"), span(since === null ? "" : `  since ${since}`, "dim")),
  ...problemLines(problem, "  "),
];

const COLUMNS = [
  { title: "CHANGE", value: ({ id }: ChangeSummary) => shortId(id) },
  { title: "TITLE", value: ({ title }: ChangeSummary) => span(title, "bold") },
  { title: "STATE", value: ({ state }: ChangeSummary) => stateName(state) },
  {
    title: "HOSTS",
    value: ({ targets }: ChangeSummary) => `${targets.succeeded}/${targets.total}`,
  },
  { title: "BY", value: ({ createdBy }: ChangeSummary) => createdBy },
  { title: "AGE", value: ({ createdAt }: ChangeSummary) => duration(Date.now() - Date.parse(createdAt)) },
];
