import { z } from "zod";
import { type HostId, RouteId, ServiceId, WorkspaceId } from "./id.ts";
import { RouteRule } from "./service.ts";

/** `svc_…/host_…/a`: names one instance for the gateway, in statistics and in samples. */
export const InstanceKey = z
  .string()
  .regex(/^svc_[0-9a-z]{20}\/host_[0-9a-z]{20}\/[ab]$/)
  .brand<"InstanceKey">();
export type InstanceKey = z.infer<typeof InstanceKey>;

/** Makes the key of an instance. */
export function instanceKey(serviceId: ServiceId, hostId: HostId, letter: "a" | "b"): InstanceKey {
  return InstanceKey.parse(`${serviceId}/${hostId}/${letter}`);
}

/** An instance that may take requests. `draining`: no new requests, those in flight go on, kept connections to it are closed as they become free. */
export const Upstream = z.strictObject({
  instance: InstanceKey,
  version: z.string(),
  zone: z.string(),
  address: z.string(),
  port: z.int(),
  weight: z.int().min(0).max(1000),
  draining: z.boolean(),
});
export type Upstream = z.infer<typeof Upstream>;

export const RouteTable = z.strictObject({
  workspaceId: WorkspaceId,
  epoch: z.int(),
  version: z.int(),
  /** Host exact before `*.name` before `*`; longest path prefix first, on whole segments. */
  routes: z.array(z.strictObject({ routeId: RouteId, ...RouteRule.shape, serviceId: ServiceId })),
  services: z.array(
    z.strictObject({
      serviceId: ServiceId,
      name: z.string(),
      /** How long a request waits for a first instance when there is none, in ms; 0 = 503 at once. */
      parkMs: z.int().min(0),
      upstreams: z.array(Upstream),
    }),
  ),
});
export type RouteTable = z.infer<typeof RouteTable>;
