import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { type Release, serviceOf } from "@evenkeel/contracts/release-order";

type After = ReadonlyMap<string, readonly string[]>;

/** Says why the releases of an order cannot follow one another as they wish; null = they can. */
export function refuseDependencies(releases: readonly Release[]): Refusal | null {
  const names = releases.map(serviceOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return refuse("ORDER_SERVICE_TWICE", { service: twice });
  for (const release of releases) {
    const unknown = release.after.find((name) => !names.includes(name));
    if (unknown !== undefined) return refuse("ORDER_AFTER_UNKNOWN", { service: serviceOf(release), after: unknown });
  }
  const cycle = findCycle(new Map(releases.map((release) => [serviceOf(release), release.after])));
  return cycle === null ? null : refuse("ORDER_CYCLE", { cycle: cycle.join(" → ") });
}

/** A way that leads back to where it began, in the direction in which things are released. */
export function findCycle(after: After): string[] | null {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | null => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name].reverse();
    if (done.has(name)) return null;
    for (const before of after.get(name) ?? []) {
      const cycle = visit(before, [...path, name]);
      if (cycle !== null) return cycle;
    }
    done.add(name);
    return null;
  };
  for (const name of after.keys()) {
    const cycle = visit(name, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** What comes after what on the way back, among those that go back: an untouched one between two does not part them. */
export function reversed(after: After, among: ReadonlySet<string>): Map<string, string[]> {
  const behind = (name: string, seen: Set<string>): string[] =>
    [...after]
      .filter(([other, before]) => before.includes(name) && !seen.has(other))
      .flatMap(([other]) => {
        seen.add(other);
        return among.has(other) ? [other] : behind(other, seen);
      });
  return new Map([...among].map((name) => [name, behind(name, new Set([name]))]));
}
