import { resolve } from "node:path";
import { readTrafficFile } from "@evenkeel/client/node/traffic-file";
import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import { Strategy } from "@evenkeel/contracts/strategy";
import { ROUTE_CHANGE, type RouteChangeSpec, type RuleMatch, type TrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { Command } from "commander";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli, Run } from "./context.ts";
import { overrideStrategy, type StrategyOptions, withStrategyOptions } from "./strategy-options.ts";
import { table } from "./table.ts";

/** How traffic is moved from the command line. */
export interface MoveOptions extends StrategyOptions, CarryOptions {
  readonly steps?: string;
}

/** Adds the options of every command that moves traffic. */
export const withMoveOptions = (command: Command): Command =>
  withCarryOptions(
    withStrategyOptions(
      command.option("--steps <percents>", "by steps, as in 1,5,20,50,100; --bake and --confirm stand between"),
    ),
  );

/** Plans and carries out a change of traffic. */
export async function moveTraffic(cli: Cli, spec: Partial<RouteChangeSpec>, options: MoveOptions): Promise<void> {
  const steps = options.steps === undefined ? (spec.steps ?? []) : options.steps.split(",").map(percentIn);
  const strategy = overrideStrategy(spec.strategy ?? Strategy.parse({}), options);
  const workspace = cli.workspace ?? spec.workspace ?? "local";
  const wanted = { ...spec, workspace, steps, strategy };
  const question = "Move the traffic all the same?";
  const ended = await carryOut(cli, { kind: ROUTE_CHANGE, spec: wanted, question }, options);
  if (ended !== null) answerEnd(cli, ended);
}

function percentIn(text: string): number {
  const percent = Number(text.trim().replace(/%$/, ""));
  if (text.trim() !== "" && percent >= 0 && percent <= 100) return percent;
  throw new PlatformError("INPUT_INVALID", { problem: `--steps ${text}: must be percents as in 1,5,20,50,100` });
}

export const addTrafficRuleCommands: AddCommands = (program, run) => {
  const rule = program.command("traffic-rule").description("which requests go where");
  rule
    .command("list")
    .argument("[service]")
    .description("all rules")
    .action(
      run(async (cli, service?: string) => {
        const query = {
          ...(cli.workspace !== undefined && { workspace: cli.workspace }),
          ...(service !== undefined && { service }),
        };
        const rules = await allItems((await cli.client()).listTrafficRules, query);
        const ordered = rules.toSorted((one, other) => one.priority - other.priority);
        cli.answer(ordered, table(ordered, COLUMNS, "There is no rule: every request may go to every instance."));
      }),
    );
  rule
    .command("show")
    .argument("<rule>")
    .description("a rule with all of its fields")
    .action(
      run(async (cli, name: string) => {
        const query = { workspace: cli.workspace ?? "local" };
        const found = await (await cli.client()).getTrafficRule({ params: { rule: name }, query });
        cli.answer(
          found,
          JSON.stringify(found, null, 2)
            .split("\n")
            .map((text) => line(text)),
        );
      }),
    );
  withMoveOptions(
    rule.command("set").argument("<file>", "rules, policies and weights, as docs/guide/traffic.md has them"),
  )
    .description("sets rules by a change: planned, by steps, reversible")
    .action(
      run(async (cli, file: string, options: MoveOptions) => {
        await moveTraffic(cli, await readTrafficFile(resolve(cli.io.cwd, file), file), options);
      }),
    );
  withCarryOptions(rule.command("remove").argument("<rules...>"))
    .description("takes rules away; the next request goes without them")
    .action(run(async (cli, names: string[], options: CarryOptions) => moveTraffic(cli, { remove: names }, options)));
  addTry(rule, run);
};

interface TryOptions {
  readonly header: readonly string[];
  readonly method: string;
  readonly path: string;
  readonly source: string;
  readonly body: string;
}

function addTry(rule: Command, run: Run): void {
  rule
    .command("match")
    .argument("<service>")
    .option("-H, --header <header...>", "as in 'x-user: ann'", [])
    .option("-X, --method <method>", "", "GET")
    .option("--path <path>", "with its query", "/")
    .option("--source <address>", "where it comes from", "127.0.0.1")
    .option("--body <json>", "of a POST, say", "")
    .description("which rules a request would meet, and where it would go")
    .action(
      run(async (cli, service: string, { header, method, path, source, body: sent }: TryOptions) => {
        const headers = Object.fromEntries(
          header.map((text) => {
            const [name = "", value = ""] = text.split(/:\s*(.*)/s);
            return [name, value];
          }),
        );
        const request = { headers, method, path, source, body: sent };
        const body = { workspace: cli.workspace ?? "local", service, request };
        const found = await (await cli.client()).matchTrafficRules({ body });
        cli.answer(found, matchLines(found));
      }),
    );
}

function matchLines({ rules, sentBy, lane, cell, instances }: RuleMatch) {
  return [
    line("rules that fit  ", span(rules.join(", ") || "none", "bold")),
    line(
      "sent by         ",
      span(sentBy ?? "no rule", "bold"),
      lane === null ? "" : `, in lane ${lane}`,
      cell === null ? "" : `, in cell ${cell}`,
    ),
    ...(instances.length === 0 ? [line(span("nobody takes it: 503", "bad"))] : []),
    ...instances.map(({ host, version, zone }) => line("  → ", span(host, "bold"), `  ${version}  zone ${zone}`)),
  ];
}

const COLUMNS = [
  { title: "PRIORITY", value: ({ priority }: TrafficRule) => String(priority) },
  { title: "RULE", value: ({ name }: TrafficRule) => span(name, "bold") },
  { title: "SERVICE", value: ({ service }: TrafficRule) => service },
  { title: "CONDITIONS", value: ({ match }: TrafficRule) => (match.length === 0 ? "all" : String(match.length)) },
  { title: "DOES", value: doesOf },
];

type Place = NonNullable<TrafficRule["send"]>["to"][number]["to"];

function placeOf({ version, notVersion, cell, hosts, baseCluster }: Place): string {
  const words = [
    ...(version === undefined ? [] : [version]),
    ...(notVersion === undefined ? [] : [`not ${notVersion}`]),
    ...(cell === undefined ? [] : [`cell ${cell}`]),
    ...(hosts ?? []),
    ...(baseCluster === undefined ? [] : [`base-cluster ${baseCluster}`]),
  ];
  return words.join(" ") || "all";
}

function doesOf({ send, mirror, fault, rateLimit, concurrency }: TrafficRule): string {
  const shares = send?.to.map(({ to, percent }) => `${percent} % ${placeOf(to)}`);
  return [
    ...(shares === undefined ? [] : [`send ${shares.join(", ")}`]),
    ...(mirror === undefined ? [] : ["mirror"]),
    ...(fault === undefined ? [] : ["fault"]),
    ...(rateLimit === undefined ? [] : [`${rateLimit.requests} in ${rateLimit.perSeconds} s`]),
    ...(concurrency === undefined ? [] : [`${concurrency.requests} at once`]),
  ].join("; ");
}
