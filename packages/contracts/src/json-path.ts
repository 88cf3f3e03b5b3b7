/** What stands in a value at `a.b.0`: names and places joined by dots; undefined = nothing. */
export function valueAt(value: unknown, path: string): unknown {
  let here = value;
  for (const part of path.split(".")) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string, unknown>)[part];
  }
  return here;
}
