import type { ChangeScope } from "@evenkeel/contracts/change-scope";
import type { Command } from "commander";

export interface ScopeOptions {
  readonly workspaces?: string[];
  readonly applications?: string[];
  readonly levels?: string[];
  readonly kinds?: string[];
}

/** Adds the options that say which changes a rule is about. */
export function withScopeOptions(command: Command): Command {
  return command
    .option("--workspaces <names...>", "only changes in these (default: all)")
    .option("--applications <names...>", "only changes of these")
    .option("--levels <levels...>", "only changes of applications of these levels, 1 to 5")
    .option("--kinds <kinds...>", "only changes of these kinds, e.g. release-order");
}

const split = (given: readonly string[] | undefined) => given?.flatMap((each) => each.split(","));

/** The scope that they say. */
export function scopeOf({ workspaces, applications, levels, kinds }: ScopeOptions): ChangeScope {
  const given = {
    workspaces: split(workspaces),
    applications: split(applications),
    levels: split(levels)?.map(Number),
    kinds: split(kinds),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** A scope in words. */
export function scopeWords({ workspaces, applications, levels, kinds }: ChangeScope): string {
  const words = [
    kinds === undefined ? "" : kinds.join(", "),
    applications === undefined ? "" : `of ${applications.join(", ")}`,
    levels === undefined ? "" : `of level ${levels.join(", ")}`,
    workspaces === undefined ? "" : `in ${workspaces.join(", ")}`,
  ].filter((word) => word !== "");
  return words.length === 0 ? "every change" : words.join(" ");
}
