// What a new process of a base gets back, from what stood in the one before it.
import { problemFrom } from "@evenkeel/agent-core/outcome";
import type { BaseReport } from "@evenkeel/contracts/base-protocol";
import type { Problem } from "@evenkeel/contracts/error";
import { BaseRefusal } from "./base-client.ts";
import type { Wanted, WantedModule } from "./wanted-modules.ts";

export interface BringingBack {
  readonly wanted: Wanted;
  readonly there: BaseReport["modules"];
  /** `attempt`: of the same module none has the number of another. `unmet`: what it needs may be absent. */
  install(module: WantedModule, how: { readonly attempt: number; readonly unmet: boolean }): Promise<unknown>;
  /** Makes it the newest publication. */
  publishAgain(module: WantedModule): Promise<unknown>;
  split(): Promise<unknown>;
  businesses(): Promise<unknown>;
}

/** What could not be brought back, and why. */
export interface Lost {
  readonly what: string;
  readonly problem: Problem;
}

/** Brings all of it back that can be. */
export async function bringBack(ground: BringingBack): Promise<Lost[]> {
  const { rules, businesses } = ground.wanted;
  const lost: Lost[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const problem = await problemOf(work());
    if (problem !== null) lost.push({ what, problem });
  };
  const { refused, late } = await installAll(ground);
  lost.push(...refused);
  for (const one of published(ground.wanted, late)) await attempt(nameOf(one), () => ground.publishAgain(one));
  if (rules.length > 0) await attempt("rules", () => ground.split());
  if (businesses.length > 0) await attempt("businesses", () => ground.businesses());
  return lost;
}

/**
 * They stand in the order in which they came, and a provider that was replaced came after those that need it: whoever misses it is tried again once others are
 * there. Who needs what was withdrawn meanwhile, or needs each other, has run without it, and comes back without it.
 */
async function installAll(ground: BringingBack): Promise<{ refused: Lost[]; late: WantedModule[] }> {
  const refused: Lost[] = [];
  const came: [WantedModule, number][] = [];
  let left = absentOf(ground);
  for (let attempt = 1, unmet = false; left.length > 0; attempt += 1) {
    const again: WantedModule[] = [];
    for (const one of left) {
      const problem = await problemOf(ground.install(one, { attempt, unmet }));
      if (problem?.code === "SERVICE_MISSING" && !unmet) again.push(one);
      else if (problem !== null) refused.push({ what: nameOf(one), problem });
      else came.push([one, attempt]);
    }
    unmet = again.length === left.length;
    left = again;
  }
  return { refused, late: came.flatMap(([one, attempt]) => (attempt > 1 ? [one] : [])) };
}

function absentOf({ wanted: { modules }, there }: BringingBack): WantedModule[] {
  const absent = modules.filter((one) => {
    const found = there.find(({ name, version }) => name === one.name && version === one.version);
    return (found === undefined || found.state === "broken") && !isReplaced(one, modules, there);
  });
  // A foreign base lets a version stand by only beside one that serves.
  return absent.toSorted((one, other) => Number(other.active) - Number(one.active));
}

// An agent that died after the base had exchanged versions, and before it had noted so: the command is still in hand, and ends it.
function isReplaced({ name }: WantedModule, wanted: readonly WantedModule[], there: BaseReport["modules"]): boolean {
  const isWanted = (version: string): boolean => wanted.some((one) => one.name === name && one.version === version);
  return there.some(
    (one) => one.name === name && one.state === "active" && one.origin === "order" && !isWanted(one.version),
  );
}

/** Without a rule the newest publication answers: versions of modules of which one came late are published in their order once more. */
function published({ modules }: Wanted, late: readonly WantedModule[]): WantedModule[] {
  const names = new Set(late.map(({ name }) => name));
  const theirs = Map.groupBy(
    modules.filter((one) => names.has(one.name) && one.published !== null),
    ({ name }) => name,
  );
  return [...theirs.values()].flatMap((versions) => (versions.length > 1 ? versions : []));
}

const nameOf = ({ name, version }: WantedModule): string => `${name}@${version}`;

async function problemOf(work: Promise<unknown>): Promise<Problem | null> {
  return await work.then(
    () => null,
    (error: unknown) => (error instanceof BaseRefusal ? error.failure.problem : problemFrom(error)),
  );
}
