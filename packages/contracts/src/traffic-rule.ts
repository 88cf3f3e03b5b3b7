import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Moment, Name, ServiceId, TrafficRuleId, WorkspaceId } from "./id.ts";
import { Strategy } from "./strategy.ts";
import { cellTraffic } from "./workspace.ts";

/** The kind of change that alters rules, policies, the weights of cells and the hosts in them. */
export const ROUTE_CHANGE = "route-change";

/** The longest value that a rule compares with. */
const Value = z.string().min(1).max(512);
/** Header names are lower case, as HTTP/2 has them. */
const HeaderName = z
  .string()
  .max(100)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, "a header's name in lower case");
const FieldName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9_.-]+$/, "letters, digits, and _ . -");

/** 0 to 100, in steps of 0.01. */
export const Percent = z
  .number()
  .min(0)
  .max(100)
  .refine((percent) => Number.isInteger(Math.round(percent * 1e6) / 1e4), "at most two decimals");

/** Values are compared as they were sent, not decoded; of several lines of one header, or cookies of one name, the first counts. */
const test = {
  exact: Value.optional(),
  in: z.array(Value).min(1).max(2000).optional(),
  prefix: Value.optional(),
  /** Found anywhere unless it is anchored; the part of the syntax that all engines read alike, and no pattern that can explode. */
  regex: z.string().min(1).max(256).optional(),
  /** A share of the values, by hash: the same value is always in or always out. */
  percent: Percent.optional(),
  /** Whether it is there at all. */
  present: z.boolean().optional(),
  /** The opposite of the test; a field that is not there passes it. */
  not: z.boolean().default(false),
};

/** What must hold of a request; of `exact … present` exactly one. For `source` values are addresses or networks as `10.0.0.0/8`. */
export const Condition = z
  .union([
    z.strictObject({ header: HeaderName, ...test }),
    z.strictObject({ cookie: FieldName, ...test }),
    z.strictObject({ query: FieldName, ...test }),
    /** A path in a JSON body of at most 1 MiB, as `customer.tier`; its text, number or boolean. */
    z.strictObject({ body: FieldName, ...test }),
    /** `lane`: what the entry decided, never what a client claims. */
    z.strictObject({ field: z.enum(["path", "method", "source", "lane"]), ...test }),
  ])
  .refine(({ exact, in: among, prefix, regex, percent, present }) => {
    return [exact, among, prefix, regex, percent, present].filter((each) => each !== undefined).length === 1;
  }, "exactly one of exact, in, prefix, regex, percent, present");
export type Condition = z.infer<typeof Condition>;

/** Where a user is known by: the first that is there; the address he comes from when none is. */
export const UserKey = z.union([z.strictObject({ cookie: FieldName }), z.strictObject({ header: HeaderName })]);
export type UserKey = z.infer<typeof UserKey>;
const keys = z.array(UserKey).max(5).default([]);

/** Some of a service's instances: of a version, in a cell, on hosts, in a base-cluster; those that fit all that is named. `{}` = all of them. */
export const Subset = z.strictObject({
  version: z.string().min(1).max(50).optional(),
  /** All but this version. */
  notVersion: z.string().min(1).max(50).optional(),
  cell: Name.optional(),
  hosts: z.array(Name).min(1).max(200).optional(),
  /** Bases of the service that are in this base-cluster. */
  baseCluster: Name.optional(),
});
export type Subset = z.infer<typeof Subset>;

/** A share of the users; who is in a share stays in it as it grows, as long as the order is the same. */
export const Destination = z.strictObject({
  to: Subset,
  percent: Percent.default(100),
  /** Carried from here on in W3C `baggage`, so that what is called further on can tell it by `field: lane`. */
  lane: Name.optional(),
});
export type Destination = z.infer<typeof Destination>;

export const Send = z.strictObject({
  /** Percentages add up to 100. */
  to: z.array(Destination).min(1).max(10),
  /** Which users stay together. */
  key: keys,
  /** When no instance of the destination takes requests: the next rule that fits, all of the service, or 503. */
  fallback: z.enum(["next", "all", "refuse"]).default("all"),
});
export type Send = z.infer<typeof Send>;

/** For drills; drawn anew for each request. */
export const Fault = z
  .strictObject({
    delay: z.strictObject({ ms: z.int().min(1).max(60_000), percent: Percent.default(100) }).optional(),
    abort: z.strictObject({ status: z.int().min(400).max(599), percent: Percent.default(100) }).optional(),
  })
  .refine(({ delay, abort }) => delay !== undefined || abort !== undefined, "a delay or an abort");
export type Fault = z.infer<typeof Fault>;

/** Of each gateway; answered 429 beyond it. */
export const RateLimit = z.strictObject({
  requests: z.int().min(1).max(1_000_000),
  perSeconds: z.int().min(1).max(3600).default(1),
  /** Each value has a limit of its own; null = one for all. */
  key: z
    .union([z.literal("source"), UserKey])
    .nullable()
    .default(null),
});
export type RateLimit = z.infer<typeof RateLimit>;

/** Of each gateway: so many at once; then so many wait, for so long; 503 beyond it. */
export const Concurrency = z.strictObject({
  requests: z.int().min(1).max(100_000),
  queue: z.int().min(0).max(10_000).default(0),
  queueMs: z.int().min(1).max(60_000).default(1000),
});
export type Concurrency = z.infer<typeof Concurrency>;

/** A copy of requests without a body; its answer is thrown away. */
export const Mirror = z.strictObject({ to: Subset, percent: Percent.default(100) });
export type Mirror = z.infer<typeof Mirror>;

/**
 * Of a service. Rules are looked at by priority, the smallest first: each that fits brings its fault, limits and mirror
 * to bear; the first with `send` that has somebody to send to says where the request goes.
 */
export const SetTrafficRule = z
  .strictObject({
    name: Name,
    service: Name,
    priority: z.int().min(0).max(10_000).default(1000),
    /** All of them; none = every request. */
    match: z.array(Condition).max(20).default([]),
    send: Send.optional(),
    mirror: Mirror.optional(),
    fault: Fault.optional(),
    rateLimit: RateLimit.optional(),
    concurrency: Concurrency.optional(),
    reason: z.string().max(1000).default(""),
  })
  .refine(
    ({ send, mirror, fault, rateLimit, concurrency }) =>
      [send, mirror, fault, rateLimit, concurrency].some((each) => each !== undefined),
    "does nothing; add send, mirror, fault, rateLimit or concurrency",
  );
export type SetTrafficRule = z.infer<typeof SetTrafficRule>;

/** A release that moves its users by steps: to each step belong so many hosts of the new version as its share asks for. */
export const Gray = z
  .strictObject({
    /** Percent of the users who get the new version, growing; between them stand the bake, the confirmations and the guards of the strategy. */
    steps: z.array(Percent).min(1).max(20).default([1, 5, 20, 50, 100]),
    key: keys,
    /** Who fits gets the new version from its first instance on, whatever the share. */
    match: z.array(Condition).max(20).default([]),
    /** What the users of the new version carry on, for the services behind it. */
    lane: Name.optional(),
    /** Two versions side by side: the last share stays, and so do the hosts of either version, until the next release or the rollback of this one. */
    stay: z.boolean().default(false),
  })
  .refine(({ steps }) => steps.every((step, index) => step > (steps[index - 1] ?? -1)), {
    path: ["steps"],
    message: "must grow",
  })
  .refine(({ steps, stay }) => !stay || (steps.at(-1) ?? 0) < 100, {
    path: ["steps"],
    message: "must end below 100 where two versions stay side by side",
  });
export type Gray = z.infer<typeof Gray>;

/** Opens when too many requests of the last seconds failed; then lets one through to try. */
export const Circuit = z.strictObject({
  errorPercent: z.number().gt(0).max(100).default(50),
  minimumRequests: z.int().min(1).default(20),
  windowSeconds: z.int().min(1).max(600).default(10),
  openSeconds: z.int().min(1).max(600).default(10),
});
export type Circuit = z.infer<typeof Circuit>;

const enforcing = (percent: number) => z.int().min(0).max(100).default(percent);

/** Envoy's parameters with Envoy's defaults; `enforcing…` = how often of a hundred times it is acted on, 0 = off. */
export const Ejection = z.strictObject({
  consecutive5xx: z.int().min(1).default(5),
  enforcingConsecutive5xx: enforcing(100),
  /** 502, 503, 504, and connections that failed. */
  consecutiveGatewayFailure: z.int().min(1).default(5),
  enforcingConsecutiveGatewayFailure: enforcing(0),
  intervalSeconds: z.number().min(0.1).max(3600).default(10),
  /** Times the ejections in a row, up to `maxEjectionSeconds`. */
  baseEjectionSeconds: z.number().min(0.1).max(3600).default(30),
  maxEjectionSeconds: z.number().min(0.1).max(86_400).default(300),
  /** One may always be ejected. */
  maxEjectionPercent: z.int().min(0).max(100).default(10),
  successRateMinimumHosts: z.int().min(1).default(5),
  successRateRequestVolume: z.int().min(1).default(100),
  successRateStdevFactor: z.number().min(0).default(1.9),
  enforcingSuccessRate: enforcing(100),
  failurePercentageThreshold: z.int().min(1).max(100).default(85),
  failurePercentageMinimumHosts: z.int().min(1).default(5),
  failurePercentageRequestVolume: z.int().min(1).default(50),
  enforcingFailurePercentage: enforcing(0),
  /** Below this share of instances that are not ejected all of them are used again. */
  panicPercent: z.int().min(0).max(100).default(50),
});
export type Ejection = z.infer<typeof Ejection>;

/** A new instance's weight grows from `minimumPercent` of it to the whole over so many seconds; off while more than half of them are new. */
export const WarmUp = z.strictObject({
  seconds: z.int().min(1).max(3600).default(120),
  minimumPercent: z.int().min(1).max(100).default(10),
  /** 1 = straight; above 1 it grows faster at first. */
  aggression: z.number().min(0.1).max(10).default(1),
});
export type WarmUp = z.infer<typeof WarmUp>;

/** How a service's instances share what is sent to them. */
export const TrafficPolicy = z.strictObject({
  circuit: Circuit.nullable().default(null),
  ejection: Ejection.nullable().default(null),
  warmUp: WarmUp.nullable().default(null),
  /** Instances in the gateway's own zone first. */
  zoneFirst: z.boolean().default(false),
});
export type TrafficPolicy = z.infer<typeof TrafficPolicy>;

export const TrafficRule = z.strictObject({
  id: TrafficRuleId,
  workspaceId: WorkspaceId,
  workspace: Name,
  serviceId: ServiceId,
  ...SetTrafficRule.shape,
  version: z.int(),
  createdAt: Moment,
});
export type TrafficRule = z.infer<typeof TrafficRule>;

const common = { workspace: Name.default("local"), strategy: Strategy.prefault({}) };

/** Alters rules, step by step where `steps` are named; what cells are and weigh, and which hosts stand in them. */
export const RouteChangeSpec = z
  .strictObject({
    ...common,
    put: z.array(SetTrafficRule).max(200).default([]),
    remove: z.array(Name).max(200).default([]),
    policies: z
      .array(z.strictObject({ service: Name, policy: TrafficPolicy.nullable() }))
      .max(100)
      .default([]),
    /** By what users of the workspace are known where cells share them. */
    userKey: z.array(UserKey).max(5).optional(),
    /** What cells are to be; what is not named stays. */
    cells: z
      .array(z.strictObject({ cell: Name, ...z.strictObject(cellTraffic).partial().shape }))
      .max(100)
      .default([]),
    /** Hosts that move to another cell, with everything that runs on them, all at one moment; null = in no cell. */
    hosts: z
      .array(z.strictObject({ host: Name, cell: Name.nullable() }))
      .max(1000)
      .default([]),
    /** Consent to users of a cell who find nobody of a service afterwards. */
    allowGap: z.boolean().default(false),
    /** In percent, growing: what the first destination of each rule gets (and how much of the way the weights of cells go) in each step. Each step is a target of the change. */
    steps: z.array(Percent).max(50).default([]),
  })
  .refine(
    ({ put, remove, policies, cells, hosts, userKey }) =>
      userKey !== undefined || [put, remove, policies, cells, hosts].some((part) => part.length > 0),
    "alters nothing; name put, remove, policies, cells, hosts or userKey",
  )
  .refine(({ steps }) => steps.every((step, index) => step > (steps[index - 1] ?? -1)), {
    path: ["steps"],
    message: "must grow",
  });
export type RouteChangeSpec = z.infer<typeof RouteChangeSpec>;

/** A request that somebody thinks of; `source` is the address it comes from. */
export const ImaginedRequest = z.strictObject({
  method: z.string().max(20).default("GET"),
  path: z.string().min(1).max(8192).default("/"),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().max(65_536).default(""),
  source: z.string().max(60).default("127.0.0.1"),
  lane: Name.nullable().default(null),
  cell: Name.nullable().default(null),
});
export type ImaginedRequest = z.infer<typeof ImaginedRequest>;

export const RuleMatch = z.strictObject({
  /** Names of all rules that fit, in their order; `module /path`: the way to the bases that have what is published there. */
  rules: z.array(z.string()),
  /** The one that says where it goes; null = none, all instances of its cell or of the service. */
  sentBy: z.string().nullable(),
  lane: Name.nullable(),
  cell: Name.nullable(),
  /** The instances that may get it now. */
  instances: z.array(
    z.strictObject({
      instance: z.string(),
      host: z.string(),
      version: z.string(),
      zone: z.string(),
      cell: Name.nullable(),
    }),
  ),
});
export type RuleMatch = z.infer<typeof RuleMatch>;

export const trafficRuleEndpoints = {
  listTrafficRules: endpoint("GET", "/traffic-rules", {
    needs: "traffic-rule:read",
    query: pageQuery.extend({ workspace: Name.optional(), service: Name.optional() }),
    reply: page(TrafficRule),
  }),
  getTrafficRule: endpoint("GET", "/traffic-rules/{rule}", {
    needs: "traffic-rule:read",
    params: z.strictObject({ rule: Name }),
    query: z.strictObject({ workspace: Name.default("local") }),
    reply: TrafficRule,
  }),
  /** Which rules a request would meet, and where it would go, by the rules in force. */
  matchTrafficRules: endpoint("POST", "/traffic-rules/match", {
    needs: "traffic-rule:read",
    body: z.strictObject({ workspace: Name.default("local"), service: Name, request: ImaginedRequest.prefault({}) }),
    reply: RuleMatch,
  }),
  getTrafficPolicy: endpoint("GET", "/services/{serviceId}/traffic-policy", {
    needs: "traffic-rule:read",
    params: z.strictObject({ serviceId: ServiceId }),
    reply: TrafficPolicy,
  }),
};
