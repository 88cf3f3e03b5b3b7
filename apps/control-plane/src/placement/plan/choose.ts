import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import type { BaseSelector } from "@evenkeel/contracts/module-release";
import type { BaseRow, ClusterRow } from "../../base-cluster/index.ts";
import { answers, basesIn, type PlacementWorld } from "./world.ts";

const names = new Intl.Collator("en", { numeric: true });

/** How much a base has to do: modules first, then what is in flight. */
function loadOf({ report }: BaseRow): readonly [modules: number, inFlight: number] {
  const modules = report?.modules ?? [];
  return [modules.length, modules.reduce((sum, { inFlight }) => sum + inFlight, 0)];
}

/** Those that answer first, then the least loaded, then by name. */
export function byLoad(one: BaseRow, other: BaseRow): number {
  const [modules, inFlight] = loadOf(one);
  const [otherModules, otherInFlight] = loadOf(other);
  return (
    Number(answers(other)) - Number(answers(one)) ||
    modules - otherModules ||
    inFlight - otherInFlight ||
    names.compare(one.name, other.name)
  );
}

const byName = (one: BaseRow, other: BaseRow): number => names.compare(one.name, other.name);

/** The bases of a cluster that a selector means; a number takes those that are preferred, then the least loaded. */
export function chooseBases(
  world: PlacementWorld,
  { cluster, selector }: { readonly cluster: ClusterRow; readonly selector: BaseSelector },
  isPreferred: (base: BaseRow) => boolean,
): BaseRow[] | Refusal {
  const all = basesIn(world, cluster);
  const where = `base-cluster ${cluster.name}`;
  const none = (shown: string): Refusal => refuse("BASES_NONE", { selector: `bases: ${shown}`, where });
  if (all.length === 0) return none("all");
  if (selector === "all") return all.sort(byName);
  if (typeof selector === "number") {
    const ordered = all.sort(
      (one, other) => Number(isPreferred(other)) - Number(isPreferred(one)) || byLoad(one, other),
    );
    return ordered.length < selector
      ? none(`${selector} of ${ordered.length}`)
      : ordered.slice(0, selector).sort(byName);
  }
  const chosen = basesNamed(all, selector);
  return isRefusal(chosen) ? none(selector.join(", ")) : chosen;
}

/** Bases by their names; a name that is none is refused. */
export function basesNamed(bases: readonly BaseRow[], wanted: readonly string[]): BaseRow[] | Refusal {
  const unknown = wanted.filter((name) => !bases.some((base) => base.name === name));
  if (unknown.length > 0) return refuse("NOT_FOUND", { resource: `base ${unknown.join(", ")}` });
  return bases.filter(({ name }) => wanted.includes(name)).sort(byName);
}
