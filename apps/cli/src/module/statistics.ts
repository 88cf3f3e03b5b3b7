import { bytes, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import {
  type BaseReading,
  type BaseSample,
  type ModuleReading,
  type ModuleSample,
  WINDOWS_KEPT_SECONDS,
} from "@evenkeel/contracts/module-statistics";
import type { Command } from "commander";
import type { Cli, Run } from "../context.ts";
import { findCluster } from "../find-cluster.ts";
import { type Column, table } from "../table.ts";

interface Where {
  readonly cluster?: string;
  readonly base?: string;
  readonly last?: string;
}

const MOST_ROWS = 5000;

/** What modules do: now, or step by step. */
export function addModuleStatistics(module: Command, run: Run): void {
  module
    .command("stats")
    .argument("[module]", "its name")
    .description("requests, errors, latency, processor, heap: of each module on each base now, or step by step")
    .option("--cluster <name>", "only of this base-cluster")
    .option("--base <name>", "only on this base: shop@local-1")
    .option("--last <minutes>", "step by step instead, at most two hours back")
    .action(
      run(async (cli, name: string | undefined, options: Where) => {
        const client = await cli.client();
        if (options.cluster !== undefined) await findCluster(cli, options.cluster);
        const query = { ...whereOf(cli, options), ...(name !== undefined && { module: name as never }) };
        if (options.last === undefined) {
          const { items } = await client.listModuleReadings({ query });
          return cli.answer(items, table(items, [...MODULE_PLACE, ...MODULE], silentModule(name)));
        }
        const { items } = await client.listModuleSamples({ query: { ...query, ...stepsOf(options.last) } });
        cli.answer(items, table(items, [...MODULE_STEP, ...MODULE], silentModule(name)));
      }),
    );
}

/** What bases use: now, or step by step. */
export function addBaseStatistics(cluster: Command, run: Run): void {
  cluster
    .command("stats")
    .argument("[cluster]")
    .description("processor, memory, delay of the loop: of each base now, or step by step")
    .option("--base <name>", "only this base: shop@local-1")
    .option("--last <minutes>", "step by step instead, at most two hours back")
    .action(
      run(async (cli, name: string | undefined, options: Where) => {
        const client = await cli.client();
        if (name !== undefined) await findCluster(cli, name);
        const query = whereOf(cli, { ...options, ...(name !== undefined && { cluster: name }) });
        if (options.last === undefined) {
          const { items } = await client.listBaseReadings({ query });
          return cli.answer(items, table(items, [...BASE_PLACE, ...BASE], SILENT_BASES));
        }
        const { items } = await client.listBaseSamples({ query: { ...query, ...stepsOf(options.last) } });
        cli.answer(items, table(items, [...BASE_STEP, ...BASE], SILENT_BASES));
      }),
    );
}

const ASKED = "Bases are asked every ten seconds while they answer.";
const SILENT_BASES = `No base has told anything; \`evenkeel base-cluster bases\` shows which there are. ${ASKED}`;

const silentModule = (name = "a module"): string =>
  `No base has told of ${name}; \`evenkeel base-cluster bases\` shows what stands where. ${ASKED}`;

function whereOf({ workspace }: Cli, { cluster, base }: Where) {
  return {
    limit: MOST_ROWS,
    ...(workspace !== undefined && { workspace: workspace as never }),
    ...(cluster !== undefined && { cluster: cluster as never }),
    ...(base !== undefined && { base }),
  };
}

/** At most about sixty steps, and none shorter than what a base is asked for. */
function stepsOf(minutes: string): { sinceSeconds: number; stepSeconds: number } {
  const sinceSeconds = Number(minutes) * 60;
  if (!(sinceSeconds >= 10 && sinceSeconds <= WINDOWS_KEPT_SECONDS))
    throw new PlatformError("USAGE_WRONG", { problem: `--last ${minutes}: 1 to ${WINDOWS_KEPT_SECONDS / 60} minutes` });
  return { sinceSeconds: Math.round(sinceSeconds), stepSeconds: Math.max(10, Math.ceil(sinceSeconds / 600) * 10) };
}

const rounded = (value: number | null, unit = ""): string =>
  value === null ? "–" : `${value >= 100 ? Math.round(value) : Math.round(value * 10) / 10}${unit}`;

type OfModule = ModuleReading | ModuleSample;
type OfBase = BaseReading | BaseSample;

const MODULE: readonly Column<OfModule>[] = [
  { title: "REQUESTS/S", right: true, value: ({ requestsPerSecond }) => rounded(requestsPerSecond) },
  { title: "ERRORS", right: true, value: ({ errorPercent }) => rounded(errorPercent, " %") },
  { title: "P50", right: true, value: ({ p50Ms }) => rounded(p50Ms, " ms") },
  { title: "P99", right: true, value: ({ p99Ms }) => rounded(p99Ms, " ms") },
  { title: "IN FLIGHT", right: true, value: ({ inFlight }) => rounded(inFlight) },
  { title: "CPU", right: true, value: ({ cpuPercent }) => rounded(cpuPercent, " %") },
  { title: "HEAP", right: true, value: ({ heapBytes }) => (heapBytes === null ? "–" : bytes(heapBytes)) },
];
const MODULE_PLACE: readonly Column<ModuleReading>[] = [
  { title: "MODULE", value: ({ module, version }) => span(`${module}@${version}`, "bold") },
  { title: "BASE", value: ({ base }) => base },
];
const MODULE_STEP: readonly Column<ModuleSample>[] = [
  { title: "FROM", value: ({ at }) => at },
  { title: "MODULE", value: ({ module, version }) => span(`${module}@${version}`, "bold") },
  { title: "BASES", right: true, value: ({ bases }) => String(bases) },
];
const BASE: readonly Column<OfBase>[] = [
  { title: "CPU", right: true, value: ({ cpuPercent }) => rounded(cpuPercent, " %") },
  { title: "MEMORY", right: true, value: ({ rssBytes }) => bytes(rssBytes) },
  {
    title: "HEAP",
    right: true,
    value: ({ heapUsedBytes, heapLimitBytes }) => `${bytes(heapUsedBytes)} of ${bytes(heapLimitBytes)}`,
  },
  { title: "LOOP P99", right: true, value: ({ loopDelayP99Ms }) => rounded(loopDelayP99Ms, " ms") },
  { title: "LOOP MAX", right: true, value: ({ loopDelayMaxMs }) => rounded(loopDelayMaxMs, " ms") },
];
const BASE_PLACE: readonly Column<BaseReading>[] = [
  { title: "BASE", value: ({ base }) => span(base, "bold") },
  { title: "CLUSTER", value: ({ cluster }) => cluster ?? "none" },
];
const BASE_STEP: readonly Column<BaseSample>[] = [
  { title: "FROM", value: ({ at }) => at },
  { title: "BASE", value: ({ base }) => span(base ?? "all", "bold") },
];
