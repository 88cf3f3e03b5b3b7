import { PlatformError } from "@evenkeel/contracts/error";
import { HostSelector, type Manifest } from "@evenkeel/contracts/service";
import { Batching, Strategy } from "@evenkeel/contracts/strategy";
import type { Command } from "commander";

/** What the command line may say otherwise than the manifest. */
export interface StrategyOptions {
  readonly beta?: number;
  readonly batches?: string;
  readonly bake?: number;
  readonly confirm?: string;
  readonly hosts?: string;
}

/** Adds the options of a strategy. */
export function withStrategyOptions(command: Command): Command {
  return command
    .option("--beta <count>", "hosts of a first, small batch", Number)
    .option("--batches <how>", "each, all, zone, cell, count:3, size:2 or 25%")
    .option("--bake <seconds>", "wait after each batch", Number)
    .option("--confirm <when>", "none, first or each");
}

/** Adds the options that override what the manifest says of strategy and hosts. */
export function withReleaseOptions(command: Command): Command {
  return withStrategyOptions(command).option("--hosts <which>", "all, a number, names (local-1,local-3) or zones:a,b");
}

/** The manifest with what the command line says otherwise. */
export function override(manifest: Manifest, options: StrategyOptions): Manifest {
  const hosts = options.hosts === undefined ? manifest.hosts : parseHosts(options.hosts);
  return { ...manifest, hosts, strategy: overrideStrategy(manifest.strategy, options) };
}

/** A strategy with what the command line says otherwise; null where it says nothing. */
export function strategyOf(options: StrategyOptions): Strategy | null {
  const { beta, batches, bake, confirm } = options;
  const silent = [beta, batches, bake, confirm].every((each) => each === undefined);
  return silent ? null : overrideStrategy(Strategy.parse({}), options);
}

function overrideStrategy(strategy: Strategy, { beta, batches, bake, confirm }: StrategyOptions): Strategy {
  return checked(Strategy, {
    ...strategy,
    ...(beta !== undefined && { beta }),
    ...(batches !== undefined && { batches: parseBatches(batches) }),
    ...(bake !== undefined && { bakeSeconds: bake }),
    ...(confirm !== undefined && { confirm }),
  });
}

function parseBatches(text: string): Batching {
  const [, name = text, number] = /^(count|size):(\d+)$/.exec(text) ?? [];
  if (number !== undefined) return checked(Batching, { [name]: Number(number) });
  if (text.endsWith("%")) return checked(Batching, { percent: Number(text.slice(0, -1)) });
  if (text === "zone" || text === "cell") return { by: text };
  return checked(Batching, text);
}

/** Hosts as the command line names them. */
export function parseHosts(text: string): HostSelector {
  if (/^\d+$/.test(text)) return checked(HostSelector, Number(text));
  if (text.startsWith("zones:")) return checked(HostSelector, { zones: text.slice(6).split(",") });
  return checked(HostSelector, text === "all" ? text : text.split(","));
}

function checked<Value>(
  schema: {
    safeParse(value: unknown): { success: true; data: Value } | { success: false; error: { message: string } };
  },
  value: unknown,
): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = `the options do not make a strategy: ${JSON.stringify(value)}`;
  throw new PlatformError("INPUT_INVALID", { problem });
}
