import { BlueGreen } from "@evenkeel/contracts/blue-green";
import { PlatformError } from "@evenkeel/contracts/error";
import { HostSelector, type Manifest } from "@evenkeel/contracts/service";
import { Batching, Strategy } from "@evenkeel/contracts/strategy";
import type { Command } from "commander";
import { numberOf } from "./number-option.ts";

/** What the command line may say otherwise than the manifest. */
export interface StrategyOptions {
  readonly zone?: string;
  readonly beta?: string;
  readonly batches?: string;
  readonly cap?: string;
  readonly bake?: number;
  readonly confirm?: string;
  readonly gate?: string;
  readonly onFailure?: string;
  readonly hosts?: string;
  readonly blueGreen?: string;
}

/** Adds the options of a strategy. */
export function withStrategyOptions(command: Command): Command {
  return command
    .option("--zone <zone>", "only the hosts of this zone")
    .option("--beta <which>", "hosts of a first, small batch: a number, or names (local-1,local-3)")
    .option("--batches <how>", "each, all, zone, cell, count:3, size:2 or 25%")
    .option("--cap <count>", "so many hosts in one batch at most")
    .option("--bake <seconds>", "wait after each batch", numberOf)
    .option("--confirm <when>", "none, first, each, or batches by name or number (2,zone b)")
    .option("--gate <where>", "where a confirmation stands: start of the batch, or before its traffic");
}

/** The same, and what becomes of a release that fails. */
export function withFailureOptions(command: Command): Command {
  return withStrategyOptions(command).option(
    "--on-failure <what>",
    "stop, rollback (what was changed goes back by itself) or continue; default: stop",
  );
}

/** Adds the options that override what the manifest says of strategy and hosts. */
export function withReleaseOptions(command: Command): Command {
  return withFailureOptions(command)
    .option("--hosts <which>", "all, a number, names (local-1,local-3), zones:a,b or cells:blue")
    .option("--blue-green <cell>", "into this idle cell (or auto), then users are switched to it by steps");
}

/** The manifest with what the command line says otherwise. */
export function override(manifest: Manifest, options: StrategyOptions): Manifest {
  const hosts = options.hosts === undefined ? manifest.hosts : parseHosts(options.hosts);
  const blueGreen = overrideBlueGreen(manifest.blueGreen, options);
  return { ...manifest, hosts, strategy: overrideStrategy(manifest.strategy, options), ...blueGreen };
}

/** The switch of users to another cell, with what the command line says otherwise; nothing where nobody asks for one. */
export function overrideBlueGreen(
  blueGreen: BlueGreen | undefined,
  { blueGreen: said }: StrategyOptions,
): { blueGreen?: BlueGreen } {
  if (said === undefined) return blueGreen === undefined ? {} : { blueGreen };
  const parsed = BlueGreen.safeParse({ ...blueGreen, idle: said });
  if (parsed.success) return { blueGreen: parsed.data };
  throw unfit(`--blue-green ${said}: ${parsed.error.issues[0]?.message}`);
}

/** What the command line says of a strategy; null where it says nothing. */
export function strategyOf(options: StrategyOptions): Strategy | null {
  const { zone, beta, batches, cap, bake, confirm, gate, onFailure } = options;
  const silent = [zone, beta, batches, cap, bake, confirm, gate, onFailure].every((each) => each === undefined);
  return silent ? null : overrideStrategy(Strategy.parse({}), options);
}

/** A strategy with what the command line says otherwise. */
export function overrideStrategy(strategy: Strategy, options: StrategyOptions): Strategy {
  const { zone, beta, batches, cap, bake, confirm, gate, onFailure } = options;
  const parsed = Strategy.safeParse({
    ...strategy,
    ...(zone !== undefined && { zone }),
    ...(beta !== undefined && { beta: numberOr(beta, beta.split(",")) }),
    ...(batches !== undefined && { batches: parseBatches(batches) }),
    ...(cap !== undefined && { cap: Number(cap) }),
    ...(bake !== undefined && { bakeSeconds: bake }),
    ...(confirm !== undefined && { confirm: parseConfirm(confirm) }),
    ...(gate !== undefined && { gate }),
    ...(onFailure !== undefined && { budget: { ...strategy.budget, action: onFailure } }),
  });
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw unfit(`--${OPTIONS[String(path[0])] ?? String(path[0])}: ${message}`);
}

/** Options whose names are not those of the field. */
const OPTIONS: Readonly<Record<string, string>> = { bakeSeconds: "bake", budget: "on-failure" };

const numberOr = <Other>(text: string, other: Other): number | Other => (/^\d+$/.test(text) ? Number(text) : other);

function parseConfirm(text: string): unknown {
  if (["none", "first", "each"].includes(text)) return text;
  return text.split(",").map((batch) => numberOr(batch.trim(), batch.trim()));
}

function parseBatches(text: string): Batching {
  const [, name = text, number] = /^(count|size):(\d+)$/.exec(text) ?? [];
  if (text === "zone" || text === "cell") return { by: text };
  const percent = text.endsWith("%") ? { percent: Number(text.slice(0, -1)) } : text;
  const parsed = Batching.safeParse(number === undefined ? percent : { [name]: Number(number) });
  if (parsed.success) return parsed.data;
  throw unfit(`--batches ${text}: must be each, all, zone, cell, count:3, size:2 or 25%`);
}

/** Hosts as the command line names them. */
export function parseHosts(text: string): HostSelector {
  const zones = text.startsWith("zones:") ? { zones: text.slice(6).split(",") } : null;
  const cells = text.startsWith("cells:") ? { cells: text.slice(6).split(",") } : null;
  const parsed = HostSelector.safeParse(zones ?? cells ?? (text === "all" ? text : numberOr(text, text.split(","))));
  if (parsed.success) return parsed.data;
  throw unfit(`--hosts ${text}: must be all, a number from 1, names (local-1,local-3), zones:a,b or cells:blue`);
}

const unfit = (problem: string) => new PlatformError("INPUT_INVALID", { problem });
