import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { HostState } from "./host.ts";
import { HostId, Name, ServiceId } from "./id.ts";
import { InstanceKey } from "./route-table.ts";
import { InstanceState } from "./service.ts";
import { Cell } from "./workspace.ts";

/** A service as a node of its workspace's picture. */
export const TopologyService = z.strictObject({
  serviceId: ServiceId,
  name: Name,
  application: Name,
  /** Of its revision; null before the first release. */
  version: z.string().nullable(),
  routes: z.array(z.string()),
});
export type TopologyService = z.infer<typeof TopologyService>;

export const TopologyCell = Cell.pick({ name: true, colour: true, type: true, weight: true, away: true });
export type TopologyCell = z.infer<typeof TopologyCell>;

export const TopologyHost = z.strictObject({
  hostId: HostId,
  name: Name,
  zone: Name,
  cell: Name.nullable(),
  state: HostState,
});
export type TopologyHost = z.infer<typeof TopologyHost>;

/** An instance that is not stopped. `traffic`: whether gateways send requests to it. */
export const TopologyInstance = z.strictObject({
  instance: InstanceKey,
  serviceId: ServiceId,
  hostId: HostId,
  version: z.string(),
  state: InstanceState,
  traffic: z.enum(["attached", "draining", "detached"]),
});
export type TopologyInstance = z.infer<typeof TopologyInstance>;

/** What an instance is asked, over all gateways; null = requests that no instance took. */
export const InstanceRate = z.strictObject({
  serviceId: ServiceId,
  instance: InstanceKey.nullable(),
  version: z.string(),
  requestsPerSecond: z.number(),
  /** Answered 5xx, refused, or cut in the middle. */
  failedPerSecond: z.number(),
});
export type InstanceRate = z.infer<typeof InstanceRate>;

/** A workspace as a picture of nodes, and the traffic that flows through it. */
export const TopologyEvent = z.discriminatedUnion("kind", [
  /** `whole`: all that there is, and the watcher forgets what he had; else those that are new or have become different, and ids of those that are gone. */
  z.strictObject({
    kind: z.literal("nodes"),
    whole: z.boolean(),
    services: z.array(TopologyService),
    cells: z.array(TopologyCell),
    hosts: z.array(TopologyHost),
    instances: z.array(TopologyInstance),
    /** Ids of services and hosts, names of cells, keys of instances. */
    gone: z.array(z.string()),
    /** More than are told of: the picture ends at so many. */
    instancesInAll: z.int(),
  }),
  /** All rates above zero, over the last five full seconds. */
  z.strictObject({ kind: z.literal("traffic"), rates: z.array(InstanceRate) }),
]);
export type TopologyEvent = z.infer<typeof TopologyEvent>;

export const topologyEndpoints = {
  /** Server-sent events of `TopologyEvent`: first the whole, then what becomes different, and each second the traffic. Parts that the caller may not read are left out. */
  watchTopology: endpoint("GET", "/workspaces/{workspace}/topology/events", {
    needs: "workspace:read",
    params: z.strictObject({ workspace: Name }),
    replyKind: "events",
  }),
};
