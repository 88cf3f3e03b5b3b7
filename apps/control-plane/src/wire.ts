import type { OperationName } from "@evenkeel/contracts/api";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Log } from "@evenkeel/kit/log";
import { admissionHandlers } from "./admission/index.ts";
import type { AgentConnections } from "./agent-link/index.ts";
import { applicationHandlers } from "./application/index.ts";
import { approvalHandlers, rulesOfGroup } from "./approval/index.ts";
import { auditHandlers, forgetOldEntries } from "./audit/index.ts";
import { backupFindings, backupHandlers, readKeys } from "./backup/index.ts";
import { baseClusterHandlers, baseFindings } from "./base-cluster/index.ts";
import { baseWindowHandlers } from "./base-window/index.ts";
import { buildpackHandlers } from "./buildpack/index.ts";
import { certificateFindings, certificateHandlers } from "./certificate/index.ts";
import {
  agentListener,
  type ChangeDeps,
  changeFindings,
  changeHandlers,
  createExecutor,
  exitAt,
  refuseLocked,
} from "./change/index.ts";
import { commandTemplateHandlers } from "./command-template/index.ts";
import type { Config } from "./config.ts";
import { openSite } from "./console/index.ts";
import { convergenceFindings, startKeeper } from "./convergence/index.ts";
import { diagnosisHandlers } from "./diagnosis/index.ts";
import { type Fleet, openFleet } from "./fleet.ts";
import { type Ground, openGround } from "./ground.ts";
import type { Caller, Handlers } from "./http/index.ts";
import { forgetOldKeys, openServer } from "./http/wire.ts";
import { forgetDeadReplicas } from "./installation/index.ts";
import { KIND_NAMES, kernelDeps } from "./kernel.ts";
import { moduleHandlers } from "./module/index.ts";
import { overviewHandlers } from "./overview/index.ts";
import { type WiredPackages, wirePackages } from "./package/wire.ts";
import { cachedCallers, findCaller, principalHandlers } from "./principal/index.ts";
import { principalGroupHandlers } from "./principal-group/index.ts";
import { reviewFindings, reviewHandlers } from "./review/index.ts";
import { scalingRuleHandlers, startScaling } from "./scaling-rule/index.ts";
import { sessionHandlers } from "./session/index.ts";
import { openApiDocument, systemHandlers } from "./system/index.ts";
import { topologyHandlers } from "./topology/index.ts";
import { trafficRuleHandlers } from "./traffic-rule/index.ts";
import { windowHandlers } from "./window/index.ts";
import { workspaceHandlers } from "./workspace/index.ts";

/** A running control plane. */
export interface ControlPlane {
  readonly url: string;
  readonly ground: Ground;
  close(hurry: AbortSignal): Promise<void>;
}

export interface StartOptions {
  /** Parses each reply by its schema before it leaves; for tests. */
  readonly checkReplies?: boolean;
  readonly callerLookMs?: number;
}

const HOUSEKEEPING_MS = 600_000;
const CALLER_LOOK_MS = 10_000;

/** Starts a control plane: takes its port, then the ground, then serves. */
export async function startControlPlane(config: Config, log: Log, options: StartOptions = {}): Promise<ControlPlane> {
  const server = await openServer({ host: config.host, port: config.port, log });
  const stop = new AbortController();
  let ground: Ground;
  try {
    ground = await openGround(config, log, config.url ?? server.url);
  } catch (error) {
    await server.close(AbortSignal.abort());
    throw error;
  }
  const { db, listener, clock } = ground;
  const callers = cachedCallers({ find: (digest) => findCaller(db, digest), listener, clock });
  const connections: AgentConnections = new Map();
  const kernel = kernelDeps(ground, connections, exitAt(process.env.EVENKEEL_CONTROL_PLANE_EXIT_AT, killSelf));
  const executor = createExecutor(kernel);
  const agents = agentListener(kernel, (report) => executor.settle(report));
  const fleet = openFleet(ground, { connections, listener: agents, refuseLocked });
  const packages = wirePackages(ground);
  const handlers = handlersOf({ ground, kernel, fleet, packages }, callers.forget);
  const service = {
    db,
    handlers,
    credentials: { principal: callers.findBySecret, host: fleet.hostCaller },
    checkReplies: options.checkReplies ?? false,
    callerLookMs: options.callerLookMs ?? CALLER_LOOK_MS,
    site: await openSite(config.consoleFolder),
    documents: {
      "/api/openapi.json": () => openApiDocument(Object.keys(handlers) as OperationName[], config.version),
    },
  };
  await server.serve(service, fleet.upgrades);
  executor.open();
  const keeper = startKeeper(kernel);
  const scaling = startScaling(kernel);
  keepHouse({ ground, packages }, stop.signal);
  log.info({ url: server.url, replica: ground.lease.id, endpoints: Object.keys(handlers).length }, "serving");
  return {
    url: server.url,
    ground,
    close: async (hurry) => {
      stop.abort();
      // Links first: agents and gateways go to another replica while this one still finishes what is under way.
      await fleet.close();
      await keeper.close();
      await scaling.close();
      await executor.close();
      await server.close(hurry);
      await ground.close();
    },
  };
}

interface Parts {
  readonly ground: Ground;
  readonly kernel: ChangeDeps;
  readonly fleet: Fleet;
  readonly packages: WiredPackages;
}

function handlersOf(
  { ground, kernel, fleet, packages }: Parts,
  onRevoked: (digest: string) => void,
): Handlers<OperationName> {
  const findings = [
    ...fleet.findings,
    (tenantId: TenantId) => backupFindings(ground.db, tenantId),
    (tenantId: TenantId) => baseFindings(ground.db, tenantId),
    (tenantId: TenantId, who: Pick<Caller, "may">) => changeFindings(ground.db, tenantId, who),
    (tenantId: TenantId) => certificateFindings(ground.db, tenantId),
    (tenantId: TenantId) => reviewFindings(ground.db, tenantId),
    (tenantId: TenantId) => convergenceFindings(ground.db, tenantId),
  ];
  return {
    ...systemHandlers({ ...ground, version: ground.config.version, findings }),
    ...principalHandlers({ ...ground, onRevoked }),
    ...sessionHandlers({ ...ground, onRevoked }),
    ...auditHandlers(ground),
    ...workspaceHandlers(ground),
    ...overviewHandlers({ ...ground, findings }),
    ...topologyHandlers(ground),
    ...diagnosisHandlers({ ...ground, ...fleet.sight, kernel, findings }),
    ...applicationHandlers(ground),
    ...packages.handlers,
    ...buildpackHandlers(ground),
    ...fleet.handlers,
    ...certificateHandlers(ground),
    ...changeHandlers(kernel),
    ...backupHandlers({ ...ground, version: ground.config.version, keys: () => readKeys(ground.config) }),
    ...principalGroupHandlers({ ...ground, usersOf: rulesOfGroup }),
    ...windowHandlers({ ...ground, kinds: KIND_NAMES }),
    ...approvalHandlers({ ...ground, kinds: KIND_NAMES }),
    ...commandTemplateHandlers(ground),
    ...admissionHandlers({ ...ground, kinds: KIND_NAMES }),
    ...reviewHandlers(ground),
    ...trafficRuleHandlers(ground),
    ...moduleHandlers(ground),
    ...baseClusterHandlers(ground),
    ...baseWindowHandlers(ground),
    ...scalingRuleHandlers(ground),
  };
}

/** What every replica tidies now and then; each job may run on all of them at once. */
function keepHouse({ ground, packages }: Pick<Parts, "ground" | "packages">, stopped: AbortSignal): void {
  const { db, log } = ground;
  const jobs = {
    forgetOldKeys: () => forgetOldKeys(db),
    forgetDeadReplicas: () => forgetDeadReplicas(db),
    collectUploads: packages.collectUploads,
    collectObjects: packages.collectObjects,
    forgetOldEntries: () => forgetOldEntries(db, ground.config.auditDays),
  };
  const tidy = async (): Promise<void> => {
    for (const [job, run] of Object.entries(jobs)) {
      await run().catch((error: unknown) => log.warn({ err: error, job }, "not tidied"));
    }
  };
  const timer = setInterval(tidy, HOUSEKEEPING_MS);
  stopped.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** As hard as the exits that the tests are about: nothing is flushed, closed or told. */
function killSelf(): void {
  process.kill(process.pid, "SIGKILL");
}
