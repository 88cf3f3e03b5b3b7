import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import { satisfies } from "semver";
import type { BaseRow } from "../../base-cluster/index.ts";

/** Why a base would refuse this module, as far as it is known before anybody asks it: by the libraries that it shares. */
export function misfitOf({ report }: BaseRow, { name, version, needs }: ModuleManifest): Refusal | null {
  if (report === null) return null;
  const module = `${name}@${version}`;
  const shared = report.description.libraries;
  for (const [library, range] of Object.entries(needs.libraries)) {
    const found = shared[library];
    if (found === undefined) return refuse("DEPENDENCY_MISSING", { module, library, range });
    if (!satisfies(found, range, { includePrerelease: true }))
      return refuse("DEPENDENCY_CONFLICT", { module, library, range, found });
  }
  return null;
}
