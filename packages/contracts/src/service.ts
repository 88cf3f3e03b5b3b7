import { z } from "zod";
import { BlueGreen } from "./blue-green.ts";
import { FlowEntry } from "./command-template.ts";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import {
  ApplicationId,
  Digest,
  HostId,
  Moment,
  Name,
  PackageId,
  RevisionId,
  RouteId,
  ServiceId,
  Version,
  WorkspaceId,
} from "./id.ts";
import { Strategy } from "./strategy.ts";
import { Gray } from "./traffic-rule.ts";

const startSeconds = z.number().min(1).max(3600).default(60);
const intervalSeconds = z.number().min(0.2).max(300).default(2);

export const HealthCheck = z.union([
  z.strictObject({
    path: z.string().startsWith("/").max(500),
    status: z.int().min(100).max(599).default(200),
    startSeconds,
    intervalSeconds,
  }),
  z.strictObject({ tcp: z.literal(true), startSeconds, intervalSeconds }),
]);
export type HealthCheck = z.infer<typeof HealthCheck>;

export const RouteRule = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^(\*|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/, "a host name in lower case, *.name or *"),
  path: z.string().startsWith("/").max(500).default("/"),
});
export type RouteRule = z.infer<typeof RouteRule>;

/** Environment of the application: the first of its parameters. */
export const Environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _, not beginning with a digit"),
  z.string().max(32_768),
);
export type Environment = z.infer<typeof Environment>;

export const Drain = z.strictObject({
  seconds: z.number().min(0).max(86_400).default(30),
  /** At the deadline: cut what is left, wait as long again, or fail the target. */
  policy: z.enum(["cut", "extend", "fail"]).default("cut"),
});

/** Which hosts of the workspace: all, a number of them, names, zones, or cells. */
export const HostSelector = z.union([
  z.literal("all"),
  z.int().min(1),
  z.array(Name).min(1),
  z.strictObject({ zones: z.array(Name).min(1) }),
  z.strictObject({ cells: z.array(Name).min(1) }),
]);
export type HostSelector = z.infer<typeof HostSelector>;

/** Each zone (or cell) of a release is a group of its own: they run side by side, each with its batches and confirmations. */
export const Parallel = z.enum(["zone", "cell"]);
export type Parallel = z.infer<typeof Parallel>;

const Port = z.union([z.literal("auto"), z.int().min(1).max(65_535)]);

/** How a service runs; what a manifest says beyond names and strategy. */
export const ServiceDefinition = z.strictObject({
  /** `node`, `process`, or `name@version`. */
  buildpack: z.string().max(120).default("node"),
  start: z.string().max(4096).optional(),
  port: Port.default("auto"),
  env: Environment.optional(),
  health: HealthCheck.prefault({ tcp: true }),
  routes: z.array(RouteRule).max(100).default([]),
  hosts: HostSelector.default("all"),
  /** `surge` where the platform gives the port, else `in-place`. */
  replace: z.enum(["surge", "in-place"]).optional(),
  /** Consent to a route without any instance for a moment, where in-place leaves none. */
  allowGap: z.boolean().default(false),
  drain: Drain.prefault({}),
  /** Between TERM and KILL. */
  stopSeconds: z.number().min(0).max(3600).default(10),
  /** Command templates beside the steps of its releases. */
  flow: z.array(FlowEntry).max(20).optional(),
});
export type ServiceDefinition = z.infer<typeof ServiceDefinition>;

/** The file `evenkeel.yaml`. */
export const Manifest = z.strictObject({
  application: Name,
  version: Version.optional(),
  workspace: Name.default("local"),
  /** Name of the service; default: the application's. */
  service: Name.optional(),
  ...ServiceDefinition.shape,
  strategy: Strategy.prefault({}),
  parallel: Parallel.optional(),
  gray: Gray.optional(),
  blueGreen: BlueGreen.optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** The rendered configuration of a revision: everything its instances depend on beside package and buildpack. */
export const Configuration = z.strictObject({
  start: z.string(),
  port: Port,
  env: Environment,
  health: HealthCheck,
  routes: z.array(RouteRule),
  replace: z.enum(["surge", "in-place"]),
  allowGap: z.boolean(),
  drain: Drain,
  stopSeconds: z.number(),
});
export type Configuration = z.infer<typeof Configuration>;

/** Immutable: package + buildpack + rendered configuration, pinned and rolled back as one. `digest` covers all three. */
export const Revision = z.strictObject({
  id: RevisionId,
  serviceId: ServiceId,
  digest: Digest,
  packageId: PackageId,
  packageVersion: Version,
  packageDigest: Digest,
  buildpack: z.strictObject({ name: Name, version: Version, digest: Digest }),
  configuration: Configuration,
  createdAt: Moment,
});
export type Revision = z.infer<typeof Revision>;

export const InstanceState = z.enum([
  "starting",
  "healthy",
  "unhealthy",
  "stopping",
  "stopped",
  "crash-loop",
  "unknown",
]);
export type InstanceState = z.infer<typeof InstanceState>;

/** One running copy of a revision in a slot; `a` and `b` stand side by side during a surge. */
export const Instance = z.strictObject({
  serviceId: ServiceId,
  hostId: HostId,
  hostName: Name,
  zone: Name,
  letter: z.enum(["a", "b"]),
  revisionId: RevisionId,
  packageVersion: Version,
  state: InstanceState,
  traffic: z.enum(["attached", "draining", "detached"]),
  address: z.string(),
  port: z.int(),
  pid: z.int().nullable(),
  restarts: z.int(),
  since: Moment,
});
export type Instance = z.infer<typeof Instance>;

export const Service = z.strictObject({
  id: ServiceId,
  workspaceId: WorkspaceId,
  workspace: Name,
  applicationId: ApplicationId,
  application: Name,
  name: Name,
  definition: ServiceDefinition,
  parameters: z.strictObject({ version: z.int(), env: Environment }),
  /** The last revision that a change brought to success; null before the first. */
  revision: Revision.nullable(),
  /** The one before it, the default of a rollback. */
  previousRevisionId: RevisionId.nullable(),
  version: z.int(),
  createdAt: Moment,
  allowedActions: z.array(z.string()),
});
export type Service = z.infer<typeof Service>;

export const Route = z.strictObject({
  id: RouteId,
  workspaceId: WorkspaceId,
  serviceId: ServiceId,
  service: Name,
  ...RouteRule.shape,
  createdAt: Moment,
});
export type Route = z.infer<typeof Route>;

const byService = z.strictObject({ serviceId: ServiceId });

export const LogLine = z.strictObject({
  host: Name,
  letter: z.enum(["a", "b"]),
  stream: z.enum(["stdout", "stderr"]),
  text: z.string(),
});
export type LogLine = z.infer<typeof LogLine>;

export const serviceEndpoints = {
  listServices: endpoint("GET", "/services", {
    needs: "service:read",
    query: pageQuery.extend({ workspace: Name.optional(), application: Name.optional(), name: Name.optional() }),
    reply: page(Service),
  }),
  getService: endpoint("GET", "/services/{serviceId}", { needs: "service:read", params: byService, reply: Service }),
  /** Takes effect with the next release; the version rises by one. */
  setParameters: endpoint("PUT", "/services/{serviceId}/parameters", {
    needs: "service:update",
    params: byService,
    body: z.strictObject({ env: Environment }),
    reply: Service,
  }),
  listInstances: endpoint("GET", "/services/{serviceId}/instances", {
    needs: "service:read",
    params: byService,
    query: pageQuery,
    reply: page(Instance),
  }),
  listRevisions: endpoint("GET", "/services/{serviceId}/revisions", {
    needs: "service:read",
    params: byService,
    query: pageQuery,
    reply: page(Revision),
  }),
  /** Server-sent events of `LogLine`; with `follow` it stays open. */
  readLogs: endpoint("GET", "/services/{serviceId}/logs", {
    needs: "service:logs",
    params: byService,
    query: z.strictObject({
      host: Name.optional(),
      lines: z.coerce.number().int().min(0).max(10_000).default(100),
      follow: z.stringbool().default(false),
    }),
    replyKind: "events",
  }),
  listRoutes: endpoint("GET", "/routes", {
    needs: "route:read",
    query: pageQuery.extend({ workspace: Name.optional() }),
    reply: page(Route),
  }),
};
