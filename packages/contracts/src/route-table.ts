import { z } from "zod";
import { type HostId, Name, RouteId, ServiceId, WorkspaceId } from "./id.ts";
import { RouteRule } from "./service.ts";
import { Concurrency, Fault, RateLimit, TrafficPolicy, UserKey } from "./traffic-rule.ts";

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

// ── rules, as both drivers read them ──────────────────────────────────────────

const basisPoints = z.int().min(0).max(10_000);

/** A condition as drivers test it. `name` is empty for path, method, source and lane. A field that is not there fails every test; `not` turns the result round. */
export const TableCondition = z.strictObject({
  field: z.enum(["header", "cookie", "query", "body", "path", "method", "source", "lane"]),
  name: z.string(),
  not: z.boolean(),
  test: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("present") }),
    z.strictObject({ kind: z.literal("in"), values: z.array(z.string()) }),
    z.strictObject({ kind: z.literal("prefix"), prefix: z.string() }),
    z.strictObject({ kind: z.literal("regex"), regex: z.string() }),
    /** Only of `source`: `address/bits`. */
    z.strictObject({ kind: z.literal("network"), networks: z.array(z.string()) }),
    /** `bucketOf(salt, value) < basisPoints`. */
    z.strictObject({ kind: z.literal("percent"), salt: z.string(), basisPoints }),
  ]),
});
export type TableCondition = z.infer<typeof TableCondition>;

/** Names of subsets: the first with an instance that takes requests gets the request; none = 503. `cells`: instead of `chain`, for requests of that cell. */
export const Way = z.strictObject({
  chain: z.array(z.string()),
  cells: z.array(z.strictObject({ cell: z.string(), chain: z.array(z.string()) })),
});
export type Way = z.infer<typeof Way>;

/** In their order: the first range of buckets that holds `bucketOf(salt, key)` gets the user. */
export const TableSend = z.strictObject({
  salt: z.string(),
  /** The first that is there and not empty; else the address the request comes from, as text. */
  key: z.array(UserKey),
  /** `lane`, `cell`: what is carried on from here; null or left out = what it came with. */
  ways: z.array(z.strictObject({ basisPoints, lane: Name.nullable(), cell: Name.optional(), ...Way.shape })),
  /** Nobody on the way takes requests: look at the next rule. */
  next: z.boolean(),
});
export type TableSend = z.infer<typeof TableSend>;

export const TableRule = z.strictObject({
  name: z.string(),
  conditions: z.array(TableCondition),
  send: TableSend.nullable(),
  mirror: z.strictObject({ basisPoints, chain: z.array(z.string()) }).nullable(),
  fault: Fault.nullable(),
  rateLimit: RateLimit.nullable(),
  concurrency: Concurrency.nullable(),
});
export type TableRule = z.infer<typeof TableRule>;

/** The subset of all instances; every service has it without naming it. */
export const EVERYONE = "all";
const HOME: Way = { chain: [EVERYONE], cells: [] };

/** A member of `baggage` that is believed: `lane=<name>;seal=<seal>` or `cell=<name>;seal=<seal>`, to the letter. Any other member of these two names is taken away. */
export const Mark = z.strictObject({ kind: z.enum(["lane", "cell"]), name: Name, seal: z.string() });
export type Mark = z.infer<typeof Mark>;

/** A certificate that a gateway serves by. `hosts` are those of the certificate, `*.name` for one label; `fallback`: for clients that ask for a host that no other has. */
export const TableCertificate = z.strictObject({
  name: Name,
  hosts: z.array(z.string()),
  /** PEM, the host's own first. */
  chain: z.string(),
  /** PEM. */
  key: z.string(),
  endsAt: z.string(),
  fallback: z.boolean(),
});
export type TableCertificate = z.infer<typeof TableCertificate>;

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
      /** Every subset that a way names, but `all`; draining instances stand in none. */
      subsets: z.array(z.strictObject({ name: z.string(), instances: z.array(InstanceKey) })).default([]),
      /** In the order in which they are looked at. */
      rules: z.array(TableRule).default([]),
      /** Where a request goes that no rule sends anywhere. */
      home: Way.default(HOME),
      policy: TrafficPolicy.prefault({}),
    }),
  ),
  marks: z.array(Mark).default([]),
  /** The cell of requests that carry none, by the address they come from. */
  callers: z.array(z.strictObject({ address: z.string(), cell: Name })).default([]),
  /** The cell of all others: as a `send`, by buckets of `bucketOf("cell", key)`; null = they have none. */
  entry: z
    .strictObject({ key: z.array(UserKey), cells: z.array(z.strictObject({ cell: Name, basisPoints })) })
    .nullable()
    .default(null),
  certificates: z.array(TableCertificate).default([]),
});
export type RouteTable = z.infer<typeof RouteTable>;
