import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { HostId, Moment, Name, ServiceId, Version, WorkspaceId } from "./id.ts";
import { InstanceState } from "./service.ts";

/** What an agent reads of its host from /proc; bytes, and load over one minute. */
export const HostFacts = z.strictObject({
  cpus: z.int(),
  cpuBusy: z.number().min(0).max(1),
  load1: z.number(),
  memoryTotalBytes: z.int(),
  memoryAvailableBytes: z.int(),
  diskTotalBytes: z.int(),
  diskFreeBytes: z.int(),
  kernel: z.string(),
  os: z.string(),
  node: z.string(),
  agentVersion: z.string(),
});
export type HostFacts = z.infer<typeof HostFacts>;

/** `journal-lost`: its disk is not the one we knew; `duplicate`: two agents answer for it. Both wait for `admit`. */
export const HostState = z.enum(["joining", "online", "offline", "journal-lost", "duplicate"]);
export type HostState = z.infer<typeof HostState>;

export const Host = z.strictObject({
  id: HostId,
  workspaceId: WorkspaceId,
  name: Name,
  zone: Name,
  cell: Name.nullable(),
  address: z.string(),
  labels: z.record(z.string(), z.string()),
  state: HostState,
  stateSince: Moment,
  facts: HostFacts.nullable(),
  clockSkewMs: z.number().nullable(),
  version: z.int(),
  createdAt: Moment,
  allowedActions: z.array(z.string()),
});
export type Host = z.infer<typeof Host>;

/** A join token works once and ends after an hour unless told otherwise. */
export const CreateJoinToken = z.strictObject({
  workspace: Name,
  for: z.enum(["host", "gateway"]).default("host"),
  zone: Name.optional(),
  cell: Name.optional(),
  validSeconds: z.int().min(1).max(86_400).default(3600),
});
export type CreateJoinToken = z.infer<typeof CreateJoinToken>;
export const JoinToken = z.strictObject({ token: z.string(), expiresAt: Moment });

export const JoinHost = z.strictObject({
  token: z.string(),
  name: Name,
  address: z.string(),
  zone: Name.optional(),
  journalId: z.string(),
  bootId: z.string(),
});
export type JoinHost = z.infer<typeof JoinHost>;
export const JoinedHost = z.strictObject({ hostId: HostId, credential: z.string() });

export const EditHost = z.strictObject({
  zone: Name.optional(),
  /** The one that it is in: any other is refused, because a host is moved by a route-change. */
  cell: Name.nullable().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});
export type EditHost = z.infer<typeof EditHost>;

/** What a host used at a moment, as its agent told; bytes, load over one minute. */
export const HostSample = z.strictObject({
  at: Moment,
  ...HostFacts.pick({
    cpuBusy: true,
    load1: true,
    memoryTotalBytes: true,
    memoryAvailableBytes: true,
    diskTotalBytes: true,
    diskFreeBytes: true,
  }).shape,
});
export type HostSample = z.infer<typeof HostSample>;

/** What runs on a host: an instance with all its processes, and what these use; null = not told yet. */
export const HostInstance = z.strictObject({
  serviceId: ServiceId,
  service: Name,
  letter: z.enum(["a", "b"]),
  packageVersion: Version,
  state: InstanceState,
  pid: z.int().nullable(),
  port: z.int(),
  restarts: z.int(),
  since: Moment,
  memoryBytes: z.int().nullable(),
  /** Of one processor, since the sample before. */
  cpuBusy: z.number().nullable(),
});
export type HostInstance = z.infer<typeof HostInstance>;

/** How a host stands, and what it uses. */
export const HostEvent = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("standing"), host: Host, instances: z.array(HostInstance) }),
  z.strictObject({ kind: z.literal("samples"), items: z.array(HostSample) }),
]);
export type HostEvent = z.infer<typeof HostEvent>;

const byHost = z.strictObject({ hostId: HostId });

export const hostEndpoints = {
  listHosts: endpoint("GET", "/hosts", {
    needs: "host:read",
    query: pageQuery.extend({ workspace: Name.optional(), name: Name.optional() }),
    reply: page(Host),
  }),
  getHost: endpoint("GET", "/hosts/{hostId}", { needs: "host:read", params: byHost, reply: Host }),
  /**
   * Server-sent events of `HostEvent`: how it stands, and its samples of the last hour; then what becomes different, and a new sample
   * every ten seconds. Resumes after `Last-Event-ID`. Instances are left out for who may not read services.
   */
  watchHost: endpoint("GET", "/hosts/{hostId}/events", { needs: "host:read", params: byHost, replyKind: "events" }),
  /** Oldest first: a sample each minute, and more while somebody watched; kept for seven days. */
  listHostSamples: endpoint("GET", "/hosts/{hostId}/samples", {
    needs: "host:read",
    params: byHost,
    query: z.strictObject({
      sinceSeconds: z.coerce
        .number()
        .int()
        .min(1)
        .max(7 * 86_400)
        .default(3600),
      limit: z.coerce.number().int().min(1).max(5000).default(1000),
    }),
    reply: z.strictObject({ items: z.array(HostSample), nextCursor: z.string().nullable() }),
  }),
  editHost: endpoint("PATCH", "/hosts/{hostId}", { needs: "host:update", params: byHost, body: EditHost, reply: Host }),
  /** Takes a host back that was set aside as `journal-lost` or `duplicate`. */
  admitHost: endpoint("POST", "/hosts/{hostId}/admit", { needs: "host:admit", params: byHost, reply: Host }),
  removeHost: endpoint("DELETE", "/hosts/{hostId}", { needs: "host:delete", params: byHost, status: 204 }),
  createJoinToken: endpoint("POST", "/join-tokens", {
    needs: "host:create",
    body: CreateJoinToken,
    reply: JoinToken,
    status: 201,
    idempotent: true,
    secrets: ["token"],
  }),
  joinHost: endpoint("POST", "/hosts/join", { needs: "public", body: JoinHost, reply: JoinedHost, status: 201 }),
};
