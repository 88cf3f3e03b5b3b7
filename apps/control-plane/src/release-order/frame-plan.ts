import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import { serviceOf } from "@evenkeel/contracts/release-order";
import type { ServiceDefinition } from "@evenkeel/contracts/service";
import type { PlannedRevision } from "../slot/plan/index.ts";
import { definitionOf, type Part, serviceIdOf } from "./world.ts";

interface Frames {
  readonly opening: PlannedStep[];
  readonly closing: PlannedStep[];
}

/** The step before the first batch makes what the release needs; the one after the last makes it the service's own. */
export function framesOf(part: Part, revision: PlannedRevision | null): Frames {
  return {
    opening: [frame("prepare-release", part, revision)],
    closing: [frame("settle-release", part, revision)],
  };
}

function frame(type: "prepare-release" | "settle-release", part: Part, revision: PlannedRevision | null): PlannedStep {
  const { release, world, alone } = part;
  const service = serviceOf(release);
  return {
    name: alone ? type : `${type} ${service}`,
    on: "control",
    type,
    input: {
      serviceId: serviceIdOf(world),
      application: release.application,
      service,
      definition: definitionFor(part, revision),
      adopt: "package" in release ? release.definition !== undefined : revision !== null,
      revision,
      hostsBefore: world.service?.definition.hosts ?? null,
    },
    timeoutMs: 60_000,
    repeatable: true,
    retryFrom: null,
    traffic: null,
  };
}

/** An earlier revision brings its definition back with it; hosts and parameters that people edited meanwhile stay theirs. */
function definitionFor({ release, world }: Part, revision: PlannedRevision | null): ServiceDefinition | null {
  if ("package" in release || revision === null) return definitionOf(release, world.service);
  const { env: _parameters, ...configuration } = revision.configuration;
  const { name, version } = revision.buildpack;
  const pinned = world.service?.definition.buildpack.includes("@") === true;
  const hosts = world.service?.definition.hosts ?? "all";
  return { ...configuration, buildpack: pinned ? `${name}@${version}` : name, hosts };
}
