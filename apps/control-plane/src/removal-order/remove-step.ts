import { PlatformError } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { ControlStep } from "../change/index.ts";
import { removeRevisions } from "../revision/index.ts";
import { putUpstreams, setRoutes, upstreamsOf } from "../route/index.ts";
import { deleteService, instancesOf } from "../service/index.ts";

/** The last step: nothing of it runs any more, so routes, revisions, parameters and the service go. */
export const removeService: ControlStep = {
  type: "remove-service",
  async run(input, { tx, tenantId, workspaceId }) {
    const serviceId = input.serviceId as ServiceId;
    const left = (await instancesOf(tx, serviceId)).filter(({ state }) => state !== "stopped");
    if (left.length > 0) {
      const hosts = [...new Set(left.map(({ hostName }) => hostName))];
      throw new PlatformError("SERVICE_OUT_OF_REACH", { service: "it", hosts });
    }
    await setRoutes(tx, { tenantId, workspaceId, serviceId, routes: [], keepOthers: false });
    const remove = (await upstreamsOf(tx, serviceId)).map(({ instance }) => instance);
    if (remove.length > 0) await putUpstreams(tx, { tenantId, workspaceId, put: [], drain: [], remove });
    await removeRevisions(tx, serviceId);
    await deleteService(tx, serviceId);
    return {};
  },
  observe: async () => ({ kind: "done" }),
};
