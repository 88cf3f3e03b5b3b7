import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { Difference } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";
import { serviceOf } from "@evenkeel/contracts/release-order";
import type { Revision } from "@evenkeel/contracts/service";
import type { PlannedRevision } from "../slot/plan/index.ts";
import type { Part, World } from "./world.ts";

/** What a planned and a stored revision have in common. */
type Shown = Pick<Revision, "packageVersion" | "buildpack" | "configuration">;

/** The rendered configuration as it is now against what it will be, field by field. */
export function differencesOf({ release, world, alone }: Part, revision: PlannedRevision | null): Difference[] {
  const current = world.service?.revisionId ?? null;
  const [from, to] = [
    rowsOf(world, current === null ? null : world.revisions.get(current)),
    rowsOf(world, revision as Shown | null),
  ];
  // Set and never released: what the manifest replaces goes without having run.
  for (const [field, value] of pendingOf({ release, world })) if (!from.has(field)) from.set(field, value);
  const made =
    world.application === null ? [{ field: say("field.application"), from: null, to: release.application }] : [];
  const fields = [...new Set([...from.keys(), ...to.keys()])].filter((field) => from.get(field) !== to.get(field));
  const differences = [
    ...made,
    ...fields.map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null })),
  ];
  if (alone) return differences;
  const service = serviceOf(release);
  return differences.map((difference) => ({ ...difference, group: service }));
}

/** Parameters that people have set since the last release, where a new `env:` takes their place. */
function pendingOf({ release, world }: Pick<Part, "release" | "world">): [string, string][] {
  if (!("package" in release) || release.definition?.env === undefined) return [];
  return Object.entries(world.service?.parameters.env ?? {}).map(([name, value]) => [`env.${name}`, value]);
}

function rowsOf({ scripts }: World, revision: Shown | null | undefined): Map<string, string> {
  if (revision == null) return new Map();
  const { env, ...configuration } = revision.configuration;
  const { name, version, digest } = revision.buildpack;
  const text = (value: unknown) => (typeof value === "string" ? value : canonicalJson(value));
  return new Map([
    ["version", revision.packageVersion],
    ["buildpack", `${name}@${version}`],
    ["buildpack.digest", digest],
    // Their texts would drown the rest; two digests say that they differ.
    ...Object.entries(scripts.get(digest) ?? {}).map(([path, ofText]): [string, string] => [`script.${path}`, ofText]),
    ...Object.entries(configuration).map(([field, value]): [string, string] => [field, text(value)]),
    ...Object.entries(env).map(([name, value]): [string, string] => [`env.${name}`, value]),
  ]);
}
