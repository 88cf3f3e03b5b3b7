import { canonicalJson } from "@evenkeel/contracts/canonical";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { ServiceDefinition } from "@evenkeel/contracts/service";
import { findApplication } from "../application/index.ts";
import type { ControlStep, Facts, StepContext } from "../change/index.ts";
import { putRevision } from "../revision/index.ts";
import { setRoutes } from "../route/index.ts";
import { findService, setServiceRevision, upsertService } from "../service/index.ts";
import type { PlannedRevision } from "../slot/plan/index.ts";

interface Frame {
  readonly serviceId: ServiceId;
  readonly application: string;
  readonly service: string;
  readonly definition: ServiceDefinition | null;
  /** The manifest's definition becomes the service's own. */
  readonly adopt: boolean;
  readonly revision: PlannedRevision | null;
  /** The service's hosts when the release was planned. */
  readonly hostsBefore: ServiceDefinition["hosts"] | null;
}

const frameOf = (input: Facts) => input as unknown as Frame;

async function applicationOf({ tx, tenantId }: StepContext, name: string) {
  const application = await findApplication(tx, { tenantId, name });
  if (application === null) throw new PlatformError("NOT_FOUND", { resource: `application ${name}` });
  return application;
}

/** Service, revision and new routes are there before anything needs them; what the service was is left as it is. */
const prepareRelease: ControlStep = {
  type: "prepare-release",
  async run(input, context) {
    const { tx, tenantId, workspaceId } = context;
    const { serviceId, service, definition, application, revision } = frameOf(input);
    const where = { tenantId, workspaceId, name: service };
    if ((await findService(tx, where)) === null && definition !== null) {
      const { id: applicationId } = await applicationOf(context, application);
      await upsertService(tx, { ...where, id: serviceId, applicationId, definition });
    }
    if (revision === null) return {};
    if (!revision.stored && revision.packageId !== null) {
      const { name, version, digest } = revision.buildpack;
      await putRevision(tx, {
        id: revision.id,
        tenantId,
        serviceId,
        packageId: revision.packageId,
        packageVersion: revision.packageVersion,
        packageDigest: revision.package.digest,
        buildpack: { name, version, digest },
        configuration: revision.configuration,
      });
    }
    await setRoutes(tx, { tenantId, workspaceId, serviceId, routes: revision.configuration.routes, keepOthers: true });
    return { revisionId: revision.id };
  },
  observe: async () => ({ kind: "done" }),
};

/** The release has succeeded: definition, revision and routes are the service's own now. */
const settleRelease: ControlStep = {
  type: "settle-release",
  async run(input, context) {
    const { tx, tenantId, workspaceId } = context;
    const { serviceId, service, definition, application, adopt, revision, hostsBefore } = frameOf(input);
    if (adopt && definition !== null) {
      const { id: applicationId } = await applicationOf(context, application);
      const where = { tenantId, workspaceId, name: service };
      const now = (await findService(tx, where))?.definition.hosts ?? null;
      // The service was scaled beside this release: that is the newer word.
      const scaled = hostsBefore !== null && now !== null && canonicalJson(now) !== canonicalJson(hostsBefore);
      const adopted = scaled ? { ...definition, hosts: now } : definition;
      await upsertService(tx, { ...where, applicationId, definition: adopted });
    }
    await setServiceRevision(tx, { serviceId, revisionId: revision?.id ?? null });
    const routes = revision?.configuration.routes ?? [];
    await setRoutes(tx, { tenantId, workspaceId, serviceId, routes, keepOthers: false });
    return { revisionId: revision?.id ?? null };
  },
  observe: async () => ({ kind: "done" }),
};

/** What stands before the first batch and after the last. */
export const frameSteps: readonly ControlStep[] = [prepareRelease, settleRelease];
