import type { HostId, ServiceId } from "@evenkeel/contracts/id";
import type { ControlStep } from "../change/index.ts";
import { recordMissed } from "../convergence/index.ts";
import { setServiceHosts } from "../service/index.ts";
import type { Settlement } from "./plan.ts";

/** The service has these hosts from now on; those that began beside a release are owed what it brings. */
export const settleTargets: ControlStep = {
  type: "settle-targets",
  async run(input, { tx, tenantId, changeId }) {
    const { serviceId, hosts, owed } = input as unknown as Settlement;
    const service = serviceId as ServiceId;
    await setServiceHosts(tx, { serviceId: service, hosts });
    const slots = owed.map((hostId) => ({ serviceId: service, hostId: hostId as HostId, running: true }));
    await recordMissed(tx, { tenantId, changeId, slots });
    return {};
  },
  observe: async () => ({ kind: "done" }),
};
