import { z } from "zod";
import { Problem } from "./error.ts";
import { Digest, Moment, Name } from "./id.ts";
import {
  BaseDescription,
  Business,
  Isolation,
  LimitAction,
  ModuleForm,
  ModuleProvides,
  ModuleState,
  ModuleTags,
  ModuleVersion,
  SplitRule,
} from "./module.ts";

/**
 * Between the agent and a base on its host: HTTP over a unix socket (mode 0600) whose path the instance gets in EVENKEEL_BASE_SOCKET.
 * Every operation is `POST /v1/<operation>` with a JSON body. 200 = the result; any other status = a `BaseFailure`.
 */
export const BASE_PROTOCOL = 1;
export const BASE_SOCKET_VARIABLE = "EVENKEEL_BASE_SOCKET";
export const BASE_PATH = "/v1";

/** Of whoever asks (a command id); the same id gets the first answer again, and never runs twice. */
export const OperationId = z.string().min(1).max(200);
export type OperationId = z.infer<typeof OperationId>;

const operation = { operationId: OperationId };
const one = { name: Name, version: ModuleVersion };

/** Why an operation failed, in the words of the module where it was the module. */
export const BaseFailure = z.strictObject({ problem: Problem, stack: z.string().nullable() });
export type BaseFailure = z.infer<typeof BaseFailure>;

/** Reads, verifies, loads and activates a bundle. Installing publishes nothing unless `publish` says so. Idempotent by digest: what is installed already is activated and published as asked. */
export const InstallInput = z.strictObject({
  ...operation,
  bundle: z.strictObject({ path: z.string().max(4096), digest: Digest }),
  /** False: it stays `resolved`. */
  activate: z.boolean().default(true),
  /** True: the other versions of it are drained and uninstalled once this one is active and has taken their publications over. */
  replace: z.boolean().default(true),
  /** Null: it is published if it replaces a published version, with that one's tags; else not. */
  publish: z
    .strictObject({ tags: ModuleTags.default({}) })
    .nullable()
    .default(null),
  /** It comes back to where it stood: services that it needs may be absent, as they may become while it stands. */
  unmet: z.boolean().optional(),
});
export type InstallInput = z.infer<typeof InstallInput>;

/** Brings a resolved module to `active`, without publishing it. */
export const ActivateInput = z.strictObject({ ...operation, ...one });
/** Withdraws and drains it, runs its shutdown hooks and closes what it opened; it stays `resolved`. */
export const DeactivateInput = z.strictObject({ ...operation, ...one });
/** The same, and forgets it; the answer proves what is gone and names what is not. `prove: memory` collects all garbage for that, which stops the base for a moment. */
export const UninstallInput = z.strictObject({
  ...operation,
  ...one,
  prove: z.enum(["handles", "memory"]).default("handles"),
});
/** Makes its routes, services, events and jobs answer, in the same instant, with tags beside those of its manifest. */
export const PublishInput = z.strictObject({ ...operation, ...one, tags: ModuleTags.default({}) });
/** Makes them answer no more; requests in flight end on it. */
export const UnpublishInput = z.strictObject({ ...operation, ...one });
/** Replaces all rules that split requests and calls among publications. */
export const SplitInput = z.strictObject({ ...operation, rules: z.array(SplitRule).max(500) });
/** Replaces the businesses of the process engine. */
export const BusinessesInput = z.strictObject({ ...operation, businesses: z.array(Business).max(500) });
/** Uninstalls every module (a base leaves its cluster). */
export const ClearInput = z.strictObject(operation);
export const NothingInput = z.strictObject({});

/** Who brought a module onto the base; what did not come by an order is drift. */
export const ModuleOrigin = z.enum(["order", "arklet", "baseline", "dev", "program"]);
export type ModuleOrigin = z.infer<typeof ModuleOrigin>;

export const ModuleHealth = z.strictObject({ healthy: z.boolean(), problem: Problem.nullable(), since: Moment });
export type ModuleHealth = z.infer<typeof ModuleHealth>;

/** One module on one base. */
export const ModuleReport = z.strictObject({
  ...one,
  digest: Digest,
  state: ModuleState,
  isolation: Isolation,
  form: ModuleForm,
  published: z.boolean(),
  /** Of its manifest, with those of its publication over them. */
  tags: ModuleTags,
  provides: ModuleProvides,
  origin: ModuleOrigin,
  inFlight: z.int(),
  /** Requests in hand when it began to drain are counted down here until it has gone. */
  health: ModuleHealth,
  /** Why it is broken, or what limit it is over and what was done. */
  problem: Problem.nullable(),
  stack: z.string().nullable(),
  since: Moment,
});
export type ModuleReport = z.infer<typeof ModuleReport>;

/** Things of a module that were open when it left. */
export const OpenThing = z.strictObject({ kind: z.string(), name: z.string(), count: z.int() });
export type OpenThing = z.infer<typeof OpenThing>;

/** An uninstall proves itself. */
export const Proof = z.strictObject({
  /** Closed and taken back for it: timers, sockets, listeners, globals, patches. */
  closed: z.array(OpenThing),
  /** Could not be closed or taken back. */
  left: z.array(OpenThing),
  /** `not-asked`: will be known when V8 collects. `held`: see `heldBy`. */
  memory: z.enum(["freed", "held", "not-asked"]),
  /** The path from a root of the heap to the module, nearest to the module last. */
  heldBy: z.array(z.string()),
});
export type Proof = z.infer<typeof Proof>;

export const InstallResult = z.strictObject({
  module: ModuleReport,
  /** Parts of the time from the request to `active`, in ms. */
  elapsed: z.strictObject({ readMs: z.number(), loadMs: z.number(), activateMs: z.number(), totalMs: z.number() }),
  /** Whether the byte cache of the bundle was used, and if not, why. */
  cache: z.enum(["used", "absent", "other-build", "other-node", "rejected"]),
  replaced: z.array(ModuleVersion),
  /** It was there with this digest already. */
  already: z.boolean(),
});
export type InstallResult = z.infer<typeof InstallResult>;

export const ModuleResult = z.strictObject({ module: ModuleReport });
export const UninstallResult = z.strictObject({ ...one, proof: Proof });
export type UninstallResult = z.infer<typeof UninstallResult>;
export const ClearResult = z.strictObject({ uninstalled: z.array(UninstallResult) });

/** `blocked`: its loop stands still; `must-restart`: a module could not be got rid of. */
export const BaseState = z.enum(["serving", "draining", "blocked", "must-restart"]);

/** The whole of a base, also sent unasked: see `WATCH_PATH`. */
export const BaseReport = z.strictObject({
  protocol: z.int(),
  /** Absent: one of ours. `arklet`: a foreign one, driven by its own API; it says nothing of calls, statistics, rules and businesses. */
  kind: z.literal("arklet").optional(),
  description: BaseDescription,
  pid: z.int(),
  startedAt: Moment,
  state: BaseState,
  problem: Problem.nullable(),
  modules: z.array(ModuleReport),
  rules: z.array(SplitRule),
  businesses: z.array(Business),
});
export type BaseReport = z.infer<typeof BaseReport>;

/** Upper bounds in ms of the buckets in which a base counts requests and calls, a fifth apart; the last is open. */
export const MODULE_LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 64 }, (_, at) => 0.05 * 1.25 ** at);

/** Measured since the module was activated; rates and shares over the last full second. */
export const ModuleStatistics = z.strictObject({
  ...one,
  requests: z.int(),
  errors: z.int(),
  inFlight: z.int(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Counts per bucket of MODULE_LATENCY_BOUNDS_MS; zeros at the end are left out. */
  latency: z.array(z.int()).max(64),
  cpuPercent: z.number(),
  /** Processor time that it has taken, as far as that is known. */
  cpuMs: z.number(),
  /** Longest stretch that it held the loop, in ms. */
  blockMs: z.number(),
  /** Null where it is not known (yet). */
  heapBytes: z.int().nullable(),
  throttled: z.int(),
  restarts: z.int(),
  over: z.array(z.strictObject({ measure: z.string(), value: z.number(), most: z.number(), action: LimitAction })),
});
export type ModuleStatistics = z.infer<typeof ModuleStatistics>;

export const BaseStatistics = z.strictObject({
  at: Moment,
  cpuPercent: z.number(),
  /** Processor time of the process since it began. */
  cpuMs: z.number(),
  rssBytes: z.int(),
  heapUsedBytes: z.int(),
  heapLimitBytes: z.int(),
  /** 99th percentile and maximum of a second, the worst of the last ten, in ms. */
  loopDelayP99Ms: z.number(),
  loopDelayMaxMs: z.number(),
  modules: z.array(ModuleStatistics),
});
export type BaseStatistics = z.infer<typeof BaseStatistics>;

export const BaseHealth = z.strictObject({
  state: BaseState,
  problem: Problem.nullable(),
  modules: z.array(z.strictObject({ ...one, state: ModuleState, health: ModuleHealth })),
});
export type BaseHealth = z.infer<typeof BaseHealth>;

/** The last lines that a module wrote, oldest first, at most 1,000 a module. */
export const LogInput = z.strictObject({ ...one, lines: z.int().min(1).max(1000).default(100) });
export const LogResult = z.strictObject({
  lines: z.array(z.strictObject({ at: Moment, stream: z.enum(["stdout", "stderr"]), text: z.string() })),
});

export const BASE_OPERATIONS = {
  install: { input: InstallInput, result: InstallResult },
  activate: { input: ActivateInput, result: ModuleResult },
  deactivate: { input: DeactivateInput, result: z.strictObject({ module: ModuleReport, proof: Proof }) },
  uninstall: { input: UninstallInput, result: UninstallResult },
  publish: { input: PublishInput, result: ModuleResult },
  unpublish: { input: UnpublishInput, result: ModuleResult },
  split: { input: SplitInput, result: z.strictObject({ rules: z.array(SplitRule) }) },
  businesses: { input: BusinessesInput, result: z.strictObject({ businesses: z.array(Business) }) },
  clear: { input: ClearInput, result: ClearResult },
  list: { input: NothingInput, result: BaseReport },
  health: { input: NothingInput, result: BaseHealth },
  statistics: { input: NothingInput, result: BaseStatistics },
  log: { input: LogInput, result: LogResult },
} as const;
export type BaseOperation = keyof typeof BASE_OPERATIONS;
export const BaseOperation = z.enum(Object.keys(BASE_OPERATIONS) as [BaseOperation, ...BaseOperation[]]);
export type BaseInput<Operation extends BaseOperation> = z.infer<(typeof BASE_OPERATIONS)[Operation]["input"]>;
export type BaseResult<Operation extends BaseOperation> = z.infer<(typeof BASE_OPERATIONS)[Operation]["result"]>;

/** `GET` this: an endless answer of JSON lines, a `BaseReport` at once and after every alteration. */
export const WATCH_PATH = `${BASE_PATH}/watch`;
