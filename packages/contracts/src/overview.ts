import { z } from "zod";
import { ChangeSummary, Finding } from "./change.ts";
import { endpoint } from "./endpoint.ts";
import { HostState } from "./host.ts";
import { HostId, Moment, Name, ServiceId } from "./id.ts";

/** How a service stands in its workspace, by what agents and gateways told last. */
export const ServiceStanding = z.strictObject({
  serviceId: ServiceId,
  name: Name,
  application: Name,
  /** Of its revision; null before the first release. */
  version: z.string().nullable(),
  /** Instances that are not stopped, by state. */
  healthy: z.int(),
  starting: z.int(),
  troubled: z.int(),
  /** Those that take requests, by version. */
  attached: z.record(z.string(), z.int()),
  routes: z.array(z.string()),
});
export type ServiceStanding = z.infer<typeof ServiceStanding>;

export const HostStanding = z.strictObject({ hostId: HostId, name: Name, zone: Name, state: HostState, since: Moment });
export type HostStanding = z.infer<typeof HostStanding>;

/** What happens in a workspace. Each event says how something stands now, so the last one of its sort is the truth. */
export const WorkspaceEvent = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("change"), change: ChangeSummary }),
  z.strictObject({
    kind: z.literal("standing"),
    services: z.array(ServiceStanding),
    hosts: z.strictObject({ total: z.int(), online: z.int(), others: z.array(HostStanding) }),
  }),
  z.strictObject({ kind: z.literal("findings"), items: z.array(Finding) }),
  /** Everything that stood when the stream began has been told. */
  z.strictObject({ kind: z.literal("whole") }),
]);
export type WorkspaceEvent = z.infer<typeof WorkspaceEvent>;

export const overviewEndpoints = {
  /**
   * Server-sent events of `WorkspaceEvent`: first how everything stands – changes under way and those that ended within a day – then
   * what moves. Who comes back gets it whole again. Parts that the caller may not read are left out.
   */
  watchWorkspace: endpoint("GET", "/workspaces/{workspace}/events", {
    needs: "workspace:read",
    params: z.strictObject({ workspace: Name }),
    replyKind: "events",
  }),
};
