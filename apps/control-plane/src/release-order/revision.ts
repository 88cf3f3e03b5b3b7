import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { type Release, serviceOf } from "@evenkeel/contracts/release-order";
import type { Configuration, Environment, ServiceDefinition } from "@evenkeel/contracts/service";
import { revisionDigest } from "../revision/digest.ts";
import type { PlannedRevision } from "../slot/plan/index.ts";
import { definitionOf, type World } from "./world.ts";

type PackageSpec = Extract<Release, { package: unknown }>;

/** Package + buildpack + rendered configuration, pinned as one. */
export function newRevision(spec: PackageSpec, world: World): PlannedRevision | Refusal {
  const definition = definitionOf(spec, world.service);
  if (definition === null) return refuse("SERVICE_NEVER_RELEASED", { service: serviceOf(spec) });
  const { buildpack } = world;
  if (buildpack === null) return refuse("BUILDPACK_NOT_FOUND", { buildpack: definition.buildpack });
  const pkg = packageOf(spec, world);
  if (isRefusal(pkg)) return pkg;
  const start = definition.start ?? buildpack.start;
  if (start === null) return refuse("START_MISSING");
  const configuration = render(definition, { start, env: world.service?.parameters.env ?? {} });
  const digest = revisionDigest({
    packageVersion: spec.package.version,
    packageDigest: pkg.digest,
    buildpackDigest: buildpack.digest,
    configuration,
  });
  const same = [...world.revisions.values()].find((stored) => stored.digest === digest);
  return {
    id: same?.id ?? world.fresh.revisionId,
    digest,
    stored: same !== undefined,
    packageId: world.package?.id ?? null,
    packageVersion: spec.package.version,
    package: pkg,
    buildpack,
    configuration,
  };
}

/** The package that is there, or the digest that the client will upload. */
function packageOf(spec: PackageSpec, world: World): PlannedRevision["package"] | Refusal {
  const { version, digest } = spec.package;
  const found = world.package;
  if (found === null) {
    if (digest === undefined) return refuse("PACKAGE_NOT_FOUND", { version, application: spec.application });
    return { digest, sizeBytes: 0 };
  }
  if (digest !== undefined && found.digest !== digest) {
    return refuse("PACKAGE_VERSION_TAKEN", { version, application: spec.application, digest: found.digest });
  }
  return { digest: found.digest, sizeBytes: found.sizeBytes };
}

function render(
  definition: ServiceDefinition,
  { start, env }: { readonly start: string; readonly env: Environment },
): Configuration {
  const { port, health, routes, allowGap, drain, stopSeconds } = definition;
  const replace = definition.replace ?? (port === "auto" ? "surge" : "in-place");
  return { start, port, env: definition.env ?? env, health, routes, replace, allowGap, drain, stopSeconds };
}
