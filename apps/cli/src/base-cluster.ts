import { allItems } from "@evenkeel/client/page";
import { type Line, line, type Span, span } from "@evenkeel/client/text/line";
import { problemLines } from "@evenkeel/client/text/problem";
import type { Base, BaseCluster, Placement } from "@evenkeel/contracts/base-cluster";
import { PlatformError } from "@evenkeel/contracts/error";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli } from "./context.ts";
import { findCluster, listClusters } from "./find-cluster.ts";
import { addBaseStatistics } from "./module/statistics.ts";
import { type StrategyOptions, strategyOf, withStrategyOptions } from "./strategy-options.ts";
import { details, table } from "./table.ts";

interface MoveOptions extends StrategyOptions, CarryOptions {
  readonly to?: string;
  readonly out?: boolean;
}

export const addBaseClusterCommands: AddCommands = (program, run) => {
  const cluster = program.command("base-cluster").description("sets of bases, and which modules stand on them");
  cluster
    .command("list")
    .description("all clusters")
    .action(
      run(async (cli) => {
        const found = await listClusters(cli);
        cli.answer(found, table(found, COLUMNS, "No base-cluster yet: `evenkeel base-cluster create NAME`."));
      }),
    );
  cluster
    .command("show")
    .argument("<name>")
    .description("one cluster: its modules and its bases")
    .action(
      run(async (cli, name: string) => {
        const found = await findCluster(cli, name);
        const bases = await listBases(cli, name);
        cli.answer({ ...found, members: bases }, [
          ...details([
            ["cluster", span(found.name, "bold")],
            ["modules", placementWords(found.placements)],
            ["rules", String(found.rules.length)],
          ]),
          ...table(bases, BASES, "It has no base."),
          ...bases.flatMap(troubleLines),
        ]);
      }),
    );
  cluster
    .command("create")
    .argument("<name>")
    .option("--buffer", "keeps warm, empty bases: scaling out takes them, scaling in gives them back")
    .description("makes a cluster without bases")
    .action(
      run(async (cli, name: string, { buffer = false }: { buffer?: boolean }) => {
        const body = { workspace: cli.workspace ?? "local", name, buffer };
        const made = await (await cli.client()).createBaseCluster({ body });
        cli.answer(made, [line(span("✔", "good"), ` base-cluster ${made.name}`)]);
      }),
    );
  cluster
    .command("remove")
    .argument("<name>")
    .description("removes a cluster that has no base")
    .action(
      run(async (cli, name: string) => {
        const { id } = await findCluster(cli, name);
        await (await cli.client()).removeBaseCluster({ params: { clusterId: id } });
        cli.answer({ removed: id }, [line(span("✔", "good"), ` base-cluster ${name} is removed`)]);
      }),
    );
  addBaseCommands(cluster, run);
  addBaseStatistics(cluster, run);
};

const addBaseCommands: AddCommands = (cluster, run) => {
  cluster
    .command("bases")
    .argument("[cluster]")
    .description("bases, what they hold, and what is not as their cluster wants it")
    .action(
      run(async (cli, name: string | undefined) => {
        if (name !== undefined) await findCluster(cli, name);
        const bases = await listBases(cli, name);
        const empty = name === undefined ? NO_BASE : "It has no base.";
        cli.answer(bases, [...table(bases, BASES, empty), ...bases.flatMap(troubleLines)]);
      }),
    );
  const move = cluster
    .command("move")
    .argument("<bases...>", "names: shop@local-1")
    .option("--to <cluster>", "where they go")
    .option("--out", "into no cluster")
    .description("moves bases between clusters in the same process: drained, emptied, and given the new one's modules");
  withCarryOptions(withStrategyOptions(move)).action(
    run(async (cli, bases: string[], options: MoveOptions) => {
      const { to, out = false } = options;
      if ((to === undefined) !== out)
        throw new PlatformError("USAGE_WRONG", { problem: "Say where: either --to with a cluster, or --out" });
      const strategy = strategyOf(options);
      const workspace = cli.workspace ?? "local";
      const spec = { operation: "move", workspace, bases, to: to ?? null, ...(strategy !== null && { strategy }) };
      const ended = await carryOut(cli, { kind: MODULE_OPERATION, spec, question: "Move all the same?" }, options);
      if (ended !== null) answerEnd(cli, ended);
    }),
  );
};

/** In the words of the base: of itself, of what broke there, of what is not well. */
function troubleLines({ name, problem, modules }: Base): Line[] {
  const said = modules.map(({ state, health, ...module }) => (state === "broken" ? module.problem : health.problem));
  return [problem, ...said].flatMap((each) =>
    each === null ? [] : [line(), line(span("✖ ", "bad"), name), ...problemLines(each, "  ")],
  );
}

const NO_BASE = "No base yet: one is there once a service runs whose process is a base.";

async function listBases(cli: Cli, cluster?: string): Promise<Base[]> {
  const { workspace } = cli;
  const which = { ...(workspace !== undefined && { workspace }), ...(cluster !== undefined && { cluster }) };
  const bases = await allItems((await cli.client()).listBases, which);
  return bases.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
}

function baseState({ state }: Base): Span {
  return span(state, state === "serving" ? "good" : "bad");
}

function heldBy({ modules }: Base): string {
  const words = modules.map(({ name, version, state, published }) => {
    const how = state !== "active" ? ` ${state}` : published ? "" : " unpublished";
    return `${name}@${version}${how}`;
  });
  return words.join(", ");
}

const COLUMNS = [
  { title: "CLUSTER", value: ({ name }: BaseCluster) => span(name, "bold") },
  { title: "WORKSPACE", value: ({ workspace }: BaseCluster) => workspace },
  { title: "BASES", value: ({ bases, online }: BaseCluster) => `${online} of ${bases} answer` },
  { title: "BUFFER", value: ({ buffer }: BaseCluster) => (buffer ? "buffer" : "") },
  { title: "MODULES", value: ({ placements }: BaseCluster) => placementWords(placements) },
];

const BASES = [
  { title: "BASE", value: ({ name }: Base) => span(name, "bold") },
  { title: "CLUSTER", value: ({ cluster }: Base) => cluster ?? "none" },
  { title: "KIND", value: ({ kind }: Base) => kind },
  { title: "STATE", value: baseState },
  { title: "PID", value: ({ pid }: Base) => String(pid ?? "") },
  { title: "MODULES", value: heldBy },
  { title: "NOT AS WANTED", value: ({ drift }: Base) => driftWords(drift) },
];

const driftWords = (drift: Base["drift"]): string =>
  drift.map(({ module, wanted, found }) => `${module}: ${found}, wanted ${wanted}`).join("; ");

const placementWords = (placements: readonly Placement[]): string =>
  placements
    .map(({ module, versions, bases }) => {
      const where = bases === "all" ? "" : ` on ${bases.length}`;
      return `${module} ${versions.map(({ version }) => version).join(" + ")}${where}`;
    })
    .join(", ");
