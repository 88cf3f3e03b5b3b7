import type { OperationName } from "@evenkeel/contracts/api";
import type { Log } from "@evenkeel/kit/log";
import { applicationHandlers } from "./application/index.ts";
import { auditHandlers } from "./audit/index.ts";
import type { Config } from "./config.ts";
import { type Ground, openGround } from "./ground.ts";
import type { Handlers } from "./http/index.ts";
import { forgetOldKeys, openServer } from "./http/wire.ts";
import { forgetDeadReplicas } from "./installation/index.ts";
import { cachedCallers, findCaller, principalHandlers } from "./principal/index.ts";
import { openApiDocument, systemHandlers } from "./system/index.ts";
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
}

/** Endpoints that are not served yet; empty at the end. */
type Pending =
  | "listPackages"
  | "getPackage"
  | "beginUpload"
  | "getUpload"
  | "sendPiece"
  | "getObject"
  | "listBuildpacks"
  | "getBuildpack"
  | "listServices"
  | "getService"
  | "setParameters"
  | "listInstances"
  | "listRevisions"
  | "readLogs"
  | "listRoutes"
  | "listHosts"
  | "getHost"
  | "editHost"
  | "admitHost"
  | "removeHost"
  | "createJoinToken"
  | "joinHost"
  | "listGateways"
  | "joinGateway"
  | "removeGateway"
  | "listSamples"
  | "planChange"
  | "createChange"
  | "listChanges"
  | "getChange"
  | "getPlan"
  | "watchChange"
  | "startChange"
  | "replanChange"
  | "approveChange"
  | "rejectChange"
  | "pauseChange"
  | "resumeChange"
  | "confirmChange"
  | "retryChange"
  | "skipChange"
  | "declareLostChange"
  | "cancelChange"
  | "rollbackChange"
  | "closeChange"
  | "listLocks";

type Served = Exclude<OperationName, Pending>;

const HOUSEKEEPING_MS = 600_000;

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
  const handlers = handlersOf(ground, callers.forget);
  const service = {
    db,
    handlers,
    credentials: { principal: callers.findBySecret, host: async () => null },
    checkReplies: options.checkReplies ?? false,
    documents: { "/api/openapi.json": openApiDocument(Object.keys(handlers) as OperationName[], config.version) },
  };
  await server.serve(service, {});
  keepHouse(ground, stop.signal);
  log.info({ url: server.url, replica: ground.lease.id, endpoints: Object.keys(handlers).length }, "serving");
  return {
    url: server.url,
    ground,
    close: async (hurry) => {
      stop.abort();
      await server.close(hurry);
      await ground.close();
    },
  };
}

function handlersOf(ground: Ground, onRevoked: (digest: string) => void): Handlers<Served> {
  return {
    ...systemHandlers({ ...ground, version: ground.config.version, findings: [] }),
    ...principalHandlers({ ...ground, onRevoked }),
    ...auditHandlers(ground),
    ...workspaceHandlers(ground),
    ...applicationHandlers(ground),
  };
}

/** What every replica tidies now and then; each job may run on all of them at once. */
function keepHouse({ db, log }: Ground, stopped: AbortSignal): void {
  const jobs = { forgetOldKeys: () => forgetOldKeys(db), forgetDeadReplicas: () => forgetDeadReplicas(db) };
  const tidy = async (): Promise<void> => {
    for (const [job, run] of Object.entries(jobs)) {
      await run().catch((error: unknown) => log.warn({ err: error, job }, "not tidied"));
    }
  };
  const timer = setInterval(tidy, HOUSEKEEPING_MS);
  stopped.addEventListener("abort", () => clearInterval(timer), { once: true });
}
