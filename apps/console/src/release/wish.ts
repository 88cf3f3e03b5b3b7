import type { BlueGreen } from "@evenkeel/contracts/blue-green";
import { Name, Version } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { ServiceDefinition } from "@evenkeel/contracts/service";
import { type Batching, Strategy } from "@evenkeel/contracts/strategy";
import type { Gray } from "@evenkeel/contracts/traffic-rule";
import { wordsIn } from "../kit/words-in.ts";
import { type Draft, keysIn } from "../traffic/draft.ts";

/** What a person has chosen so far. */
export interface Wish {
  readonly application: string;
  readonly version: string;
  /** Null = as the service stands. */
  readonly definition: DefinitionWish | null;
  readonly strategy: StrategyWish;
}

export interface DefinitionWish {
  readonly buildpack: string;
  readonly start: string;
  readonly healthPath: string;
  readonly route: string;
  readonly hosts: string;
  /** `NAME=value`, one a line. */
  readonly env: string;
}

export interface StrategyWish {
  readonly beta: number;
  readonly split: "all" | "each" | "count" | "size" | "percent" | "zone" | "cell";
  readonly amount: number;
  readonly bakeSeconds: number;
  readonly confirm: "none" | "first" | "each";
  readonly gate: "start" | "traffic";
  readonly failures: number;
  readonly action: "stop" | "continue" | "rollback";
  /** Users come to the new version by shares; null = as its hosts do. */
  readonly gray: GrayWish | null;
  /** Users are switched to the idle cell; null = they stay where they are. Never beside `gray`. */
  readonly blueGreen: BlueGreenWish | null;
}

export interface GrayWish {
  /** Percent of the users, one a step. */
  readonly steps: string;
  /** `cookie uid, header x-user` */
  readonly key: string;
  /** Conditions as the editor of rules has them. */
  readonly match: Draft;
  readonly lane: string;
  /** Two versions side by side. */
  readonly stay: boolean;
}

export interface BlueGreenWish {
  /** Who sends it tries the new version; empty: nobody. */
  readonly header: string;
  readonly percent: number;
  readonly steps: string;
  readonly keepOldSeconds: number;
}

export const FIRST_DEFINITION: DefinitionWish = {
  buildpack: "node",
  start: "",
  healthPath: "",
  route: "",
  hosts: "",
  env: "",
};

export const FIRST_STRATEGY: StrategyWish = {
  beta: 1,
  split: "zone",
  amount: 2,
  bakeSeconds: 5,
  confirm: "none",
  gate: "start",
  failures: 0,
  action: "rollback",
  gray: null,
  blueGreen: null,
};

export const FIRST_GRAY: GrayWish = {
  ...{ steps: "1, 5, 20, 50, 100", key: "", match: { match: [] }, lane: "", stay: false },
};
export const FIRST_AB: GrayWish = { ...FIRST_GRAY, steps: "20", stay: true };

export const FIRST_BLUE_GREEN: BlueGreenWish = {
  header: "x-trial",
  percent: 0,
  steps: "10, 50, 100",
  keepOldSeconds: 600,
};

function batching({ split, amount }: StrategyWish): Batching {
  switch (split) {
    case "all":
    case "each":
      return split;
    case "zone":
    case "cell":
      return { by: split };
    case "count":
      return { count: amount };
    case "size":
      return { size: amount };
    case "percent":
      return { percent: Math.min(100, amount) };
  }
}

/** As it was written: what is wrong with it the dry run says. */
function blueGreenOf({ header, percent, steps, keepOldSeconds }: BlueGreenWish): BlueGreen {
  const name = header.trim().toLowerCase();
  const match = name === "" ? [] : [{ header: name, present: true, not: false }];
  return {
    idle: "auto",
    ...(match.length === 0 && percent === 0 ? {} : { trial: { match, percent } }),
    steps: sharesOf(steps),
    keepOldSeconds,
  };
}

/** `1, 5, 20` */
export const sharesOf = (typed: string): number[] =>
  typed
    .split(/[\s,%]+/)
    .filter((each) => each !== "")
    .map(Number);

/** As it was written: what is wrong with it the dry run says. */
function grayOf({ steps, key, match, lane, stay }: GrayWish): Gray {
  const written = { steps: sharesOf(steps), key: keysIn(key), match: match.match, stay };
  return { ...written, ...(lane.trim() === "" ? {} : { lane: lane.trim() }) } as Gray;
}

function definitionOf({ buildpack, start, healthPath, route, hosts, env }: DefinitionWish): ServiceDefinition {
  return ServiceDefinition.parse({
    buildpack,
    ...(start.trim() === "" ? {} : { start: start.trim() }),
    ...(healthPath.trim() === "" ? {} : { health: { path: healthPath.trim() } }),
    routes: wordsIn(route).map(routeOf),
    ...(env.trim() === "" ? {} : { env: environmentOf(env) }),
    ...(hosts.trim() === "" ? {} : { hosts: Number(hosts) }),
  });
}

function environmentOf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.includes("="));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1)]),
  );
}

/** `shop.example.com/api` */
function routeOf(text: string): { host: string; path: string } {
  const slash = text.indexOf("/");
  return slash < 0 ? { host: text, path: "/" } : { host: text.slice(0, slash), path: text.slice(slash) };
}

/** The strategy as the API takes it; throws what cannot be one. */
export function strategyOf(wish: StrategyWish): Strategy {
  const { beta, bakeSeconds, confirm, failures, action, blueGreen } = wish;
  // The idle cell has no traffic that could return.
  const gate = blueGreen === null ? wish.gate : "start";
  return Strategy.parse({ beta, batches: batching(wish), bakeSeconds, confirm, gate, budget: { failures, action } });
}

/** The release that was wished for; null = something is missing or cannot be. */
export function specOf(workspace: string, wish: Wish): Extract<ReleaseOrderSpec, { package: unknown }> | null {
  const { application, version, definition, strategy } = wish;
  if (!Name.safeParse(application).success || !Version.safeParse(version).success) return null;
  try {
    return {
      workspace,
      application,
      package: { version },
      ...(strategy.gray === null ? {} : { gray: grayOf(strategy.gray) }),
      ...(strategy.blueGreen === null ? {} : { blueGreen: blueGreenOf(strategy.blueGreen) }),
      ...(definition === null ? {} : { definition: definitionOf(definition) }),
      strategy: strategyOf(strategy),
    };
  } catch {
    return null;
  }
}
