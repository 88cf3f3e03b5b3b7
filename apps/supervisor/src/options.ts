import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PlatformError } from "@evenkeel/contracts/error";
import { z } from "zod";
import { CODE_ROOT } from "./home.ts";

/** What a person asked of `evenkeel up`. */
export interface UpOptions {
  /** Null: a temporary folder that is removed afterwards. */
  readonly home: string | null;
  readonly replicas: number;
  readonly tour: boolean;
  readonly once: boolean;
  readonly json: boolean;
}

const MOST_REPLICAS = 9;

/** How `evenkeel up` and `npm start` are called. */
export const UP_USAGE = `Usage: npm start -- [options]      starts the platform; on an empty data folder with the tour
       evenkeel up [options]       the same without the tour

  --empty          without the sample application
  --tour           with the tour (what \`npm start\` does)
  --once           ends after the tour, non-zero unless everything went as told; without a data folder in a temporary one
  --replicas N     so many control planes, 1 to ${MOST_REPLICAS}
  --home DIR       data folder (default: EVENKEEL_HOME, else .evenkeel in the clone)
  --json           what happened as one JSON value, on the last line
  --help           this

EVENKEEL_PORT (7700), EVENKEEL_GATEWAY_PORT (7780), EVENKEEL_GATEWAY_DRIVER (auto, haproxy, node) and DATABASE_URL
are read from the environment; auto is haproxy where it is installed.
`;

/** Reads arguments and environment; an unknown option is refused by name. */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): UpOptions {
  const { values, positionals } = parse(args);
  const [command = "up", ...others] = positionals;
  if (command !== "up" || others.length > 0)
    throw invalid(`${positionals.join(" ")} is no command of the supervisor; up and restore are`);
  const { once = false, json = false, tour = false, empty = false } = values;
  return {
    home: homeOf(values.home ?? environment.EVENKEEL_HOME, once),
    replicas: replicasOf(values.replicas ?? "1"),
    tour: tour && !empty,
    once,
    json,
  };
}

/** What a person asked of `evenkeel restore`. */
export interface RestoreOptions {
  readonly file: string;
  readonly home: string;
  readonly json: boolean;
}

/** Reads `restore FILE [--home DIR] [--json]`; null where another command was given. */
export function readRestoreOptions(args: readonly string[], environment: NodeJS.ProcessEnv): RestoreOptions | null {
  if (args[0] !== "restore") return null;
  const { values, positionals } = parse(args.slice(1));
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw invalid("restore takes one file");
  const home = homeOf(values.home ?? environment.EVENKEEL_HOME, false);
  return { file: resolve(file), home: home ?? "", json: values.json ?? false };
}

function invalid(problem: string): PlatformError {
  return new PlatformError("INPUT_INVALID", { problem });
}

function homeOf(named: string | undefined, once: boolean): string | null {
  if (named !== undefined && named !== "") return resolve(named);
  return once ? null : join(CODE_ROOT, ".evenkeel");
}

function replicasOf(text: string): number {
  const replicas = Number(text);
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= MOST_REPLICAS) return replicas;
  throw invalid(`--replicas is ${text}, not a number from 1 to ${MOST_REPLICAS}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        home: { type: "string" },
        replicas: { type: "string" },
        tour: { type: "boolean" },
        once: { type: "boolean" },
        json: { type: "boolean" },
        empty: { type: "boolean" },
      },
    });
  } catch (error) {
    throw invalid((error as Error).message);
  }
}

/** Version of the code in this clone. */
export function codeVersion(): string {
  const text = readFileSync(join(CODE_ROOT, "package.json"), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

/** True when version `a` is later than `b`: numbers compared from the left. */
export function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(/[.-]/).map((each) => Number.parseInt(each, 10) || 0));
  for (const [index, number] of (left ?? []).entries()) {
    const other = right?.[index] ?? 0;
    if (number !== other) return number > other;
  }
  return false;
}
