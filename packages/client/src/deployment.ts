import { PlatformError } from "@evenkeel/contracts/error";
import type { Digest } from "@evenkeel/contracts/id";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Manifest } from "@evenkeel/contracts/service";
import { ServiceDefinition } from "@evenkeel/contracts/service";
import type { Client } from "./client.ts";

/** The kind of change that brings a package onto hosts. */
export const RELEASE_ORDER = "release-order";

/** The release that a manifest and a package ask for. */
export function releaseOf(
  manifest: Manifest,
  pkg: { version: string; digest?: Digest },
): Extract<ReleaseOrderSpec, { package: unknown }> {
  const { application, workspace, service, version: _, strategy, parallel, gray, blueGreen, ...definition } = manifest;
  return {
    ...{ workspace, application, strategy, package: pkg },
    ...(service === undefined ? {} : { service }),
    ...(parallel === undefined ? {} : { parallel }),
    ...(gray === undefined ? {} : { gray }),
    ...(blueGreen === undefined ? {} : { blueGreen }),
    definition: ServiceDefinition.parse(definition),
  };
}

/** Makes the application where it does not exist yet; its owner is who calls. True when it was made now. */
export async function ensureApplication(client: Client, application: string): Promise<boolean> {
  try {
    await client.getApplication({ params: { application } });
    return false;
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "NOT_FOUND") throw error;
  }
  try {
    await client.createApplication({ body: { name: application } });
    return true;
  } catch (error) {
    // Somebody else made it between the look and the creation.
    if (error instanceof PlatformError && error.code === "ALREADY_EXISTS") return false;
    throw error;
  }
}
