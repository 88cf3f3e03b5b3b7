import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Problem } from "./error.ts";
import { GatewayId, Moment, Name, ServiceId, WorkspaceId } from "./id.ts";
import { InstanceKey, RouteTable } from "./route-table.ts";

/** One outbound WebSocket per gateway, below `/api/v1`, with `Authorization: Bearer <credential>`. Heartbeat and loss as on the agent link. */
export const GATEWAY_LINK_PATH = "/gateway-link";

/** Upper bounds of the latency histogram, in ms; the last bucket is open. */
export const LATENCY_BOUNDS_MS = [
  1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000,
  10_000, 30_000,
] as const;

/** What one instance did in one second. Latency from the request's arrival to the last byte of the response. */
export const InstanceStatistics = z.strictObject({
  serviceId: ServiceId,
  instance: InstanceKey.nullable(),
  version: z.string(),
  requests: z.int(),
  status2xx: z.int(),
  status3xx: z.int(),
  status4xx: z.int(),
  status5xx: z.int(),
  /** Refused or reset before a response began (answered 502), no instance (503), response cut in the middle. */
  connectErrors: z.int(),
  unavailable: z.int(),
  cut: z.int(),
  retries: z.int(),
  /** Closed by the client before the end: not the service's failure. */
  clientAborts: z.int(),
  inFlight: z.int(),
  /** Upgraded connections (WebSocket) that are open. */
  longLived: z.int(),
  /** Requests that wait for a place, or for a first instance: none of them is an instance's yet, so they stand in the row of the service. */
  queued: z.int().default(0),
  /** Connections to the instance that are open, those that carry nothing just now included. */
  connections: z.int().default(0),
  /** Counts per bucket of LATENCY_BOUNDS_MS, and one more. */
  latency: z.array(z.int()),
});
export type InstanceStatistics = z.infer<typeof InstanceStatistics>;

export const GatewayMessage = z.discriminatedUnion("kind", [
  /** First message: the table it runs on, durable before it is named here. */
  z.strictObject({
    kind: z.literal("hello"),
    protocol: z.int(),
    gatewayId: GatewayId,
    driver: z.enum(["node", "haproxy"]),
    gatewayVersion: z.string(),
    epoch: z.int(),
    tableVersion: z.int(),
    /** Where it listens for TLS, 0 where it does not; absent from gateways that do not tell. */
    tlsPort: z.int().optional(),
    sentAt: Moment,
  }),
  z.strictObject({ kind: z.literal("heartbeat"), sentAt: Moment }),
  /** The table is durable and in force: no request that arrives from now on goes by an older one. */
  z.strictObject({ kind: z.literal("applied"), epoch: z.int(), tableVersion: z.int() }),
  /** The push was older than what it has. */
  z.strictObject({ kind: z.literal("refused"), epoch: z.int(), tableVersion: z.int(), problem: Problem }),
  /** Each second, only rows with something in them. */
  z.strictObject({
    kind: z.literal("statistics"),
    at: Moment,
    windowMs: z.number(),
    /** What stands for only some of the requests; everything else is counted. A sampled histogram has as many entries as it has samples. */
    sampled: z.array(z.literal("latency")).readonly().default([]),
    rows: z.array(InstanceStatistics),
  }),
  /** Sent at once when the number for a draining instance changes to 0, and with every second while it is above. */
  z.strictObject({
    kind: z.literal("draining"),
    tableVersion: z.int(),
    rows: z.array(z.strictObject({ instance: InstanceKey, inFlight: z.int(), longLived: z.int() })),
  }),
  /** Once for each instance that a table brought in: whether a connection to it was made. */
  z.strictObject({
    kind: z.literal("reached"),
    tableVersion: z.int(),
    instance: InstanceKey,
    reached: z.boolean(),
    problem: z.string().nullable(),
  }),
]);
export type GatewayMessage = z.infer<typeof GatewayMessage>;

export const GatewayOrder = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("table"), table: RouteTable }),
  /** Cut what is still in flight on this draining instance. */
  z.strictObject({ kind: z.literal("cut"), instance: InstanceKey }),
  z.strictObject({ kind: z.literal("heartbeat"), serverAt: Moment }),
]);
export type GatewayOrder = z.infer<typeof GatewayOrder>;

export const Gateway = z.strictObject({
  id: GatewayId,
  workspaceId: WorkspaceId,
  name: Name,
  state: z.enum(["joining", "online", "offline"]),
  driver: z.enum(["node", "haproxy"]).nullable(),
  url: z.string().nullable(),
  /** Where it listens for TLS; 0 = nowhere, null = it has not told. */
  tlsPort: z.int().nullable(),
  ackedVersion: z.int(),
  tableVersion: z.int(),
  createdAt: Moment,
});
export type Gateway = z.infer<typeof Gateway>;

export const JoinGateway = z.strictObject({ token: z.string(), name: Name, url: z.string() });
export type JoinGateway = z.infer<typeof JoinGateway>;
export const JoinedGateway = z.strictObject({ gatewayId: GatewayId, credential: z.string() });

/** One second or minute of one service, version and instance; of a minute the most that were in flight, waiting or open at once. */
export const Sample = z.strictObject({
  at: Moment,
  windowMs: z.number(),
  gatewayId: GatewayId,
  ...InstanceStatistics.shape,
});
export type Sample = z.infer<typeof Sample>;

/** One second of one version of a service, over all its instances and gateways. */
export const VersionSample = z.strictObject({
  at: Moment,
  version: z.string(),
  requests: z.int(),
  /** Answered 5xx, refused, or cut in the middle. */
  failed: z.int(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});
export type VersionSample = z.infer<typeof VersionSample>;

export const gatewayEndpoints = {
  listGateways: endpoint("GET", "/gateways", {
    needs: "gateway:read",
    query: pageQuery.extend({ workspace: Name.optional() }),
    reply: page(Gateway),
  }),
  joinGateway: endpoint("POST", "/gateways/join", {
    needs: "public",
    body: JoinGateway,
    reply: JoinedGateway,
    status: 201,
  }),
  removeGateway: endpoint("DELETE", "/gateways/{gatewayId}", {
    needs: "gateway:delete",
    params: z.strictObject({ gatewayId: GatewayId }),
    status: 204,
  }),
  /** Server-sent events, a list of `VersionSample` each: the last two minutes, then second by second; resumes after `Last-Event-ID`. */
  watchSamples: endpoint("GET", "/services/{serviceId}/samples/events", {
    needs: "service:read",
    params: z.strictObject({ serviceId: ServiceId }),
    replyKind: "events",
  }),
  listSamples: endpoint("GET", "/samples", {
    needs: "service:read",
    query: z.strictObject({
      service: ServiceId,
      sinceSeconds: z.coerce
        .number()
        .int()
        .min(1)
        .max(7 * 86_400)
        .default(60),
      limit: z.coerce.number().int().min(1).max(5000).default(1000),
    }),
    reply: z.strictObject({ items: z.array(Sample), nextCursor: z.string().nullable() }),
  }),
};
