import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeSummary, Finding } from "@evenkeel/contracts/change";
import type { Diagnosis, DiagnosisLog } from "@evenkeel/contracts/diagnosis";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId, HostId, ServiceId } from "@evenkeel/contracts/id";
import { mayDo } from "@evenkeel/contracts/principal";
import { type Instance, LogLine } from "@evenkeel/contracts/service";
import type { Clock } from "@evenkeel/kit/clock";
import type { Kysely } from "kysely";
import { type ChangeDeps, permitted, readBlockers, readChange, readChangesOf } from "../change/index.ts";
import type { Database } from "../database.ts";
import { type HostDeps, readHost, showHost } from "../host/index.ts";
import type { Caller, ServerEvent } from "../http/index.ts";
import { readRevisions } from "../revision/index.ts";
import { readHostInstances, readHostSamples, readVersionSeconds } from "../sample/index.ts";
import { getService, instancesOf, type ServiceDeps } from "../service/index.ts";
import type { FindingSource } from "../system/index.ts";
import { diagnoseChange, diagnoseHost, diagnoseService } from "./show.ts";

export interface DiagnosisDeps {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly kernel: ChangeDeps;
  readonly findings: readonly FindingSource[];
  readonly readings: HostDeps["readings"];
  readonly readLogs: ServiceDeps["readLogs"];
}

/** Who asks, and the headers by which another replica knows him. */
export interface Asker {
  readonly caller: Caller;
  readonly credentials: Readonly<Record<string, string>>;
}

const CHANGES = 10;
const HOUR_SECONDS = 3600;
const MOST_SAMPLES = 400;
const LOG_LINES = 40;
const LOG_HOSTS = 3;
/** An agent that does not answer must not keep the diagnosis from being told. */
const LOG_LIMIT_MS = 3000;
const TROUBLED: readonly string[] = ["unhealthy", "crash-loop", "unknown", "starting"];

export async function readService(deps: DiagnosisDeps, asker: Asker, serviceId: ServiceId): Promise<Diagnosis> {
  const { db, clock } = deps;
  const { caller } = asker;
  const { tenantId } = caller;
  const service = await getService(db, { tenantId, serviceId });
  const [instances, changes, seconds] = await Promise.all([
    instancesOf(db, serviceId),
    changesOf(deps, caller, { service: serviceId }),
    readVersionSeconds(db, { tenantId, serviceId, after: null }),
  ]);
  const running = instances.filter(({ state }) => state !== "stopped");
  const revisionId = service.revisionId;
  const revision = revisionId === null ? undefined : (await readRevisions(db, [revisionId])).get(revisionId);
  const about = [serviceId, ...running.map(({ hostId }) => hostId), ...changes.map(({ id }) => id)];
  const troubled = running.filter(({ state }) => TROUBLED.includes(state));
  return diagnoseService({
    checkedAt: await clock.databaseNow(),
    service,
    revision:
      revision === undefined
        ? null
        : { version: revision.packageVersion, buildpack: `${revision.buildpack.name}@${revision.buildpack.version}` },
    instances: running,
    seconds,
    changes,
    findings: await findingsAbout(deps, caller, about),
    logs: await logsOf(deps, asker, { serviceId, instances: troubled }),
  });
}

export async function readHostDiagnosis(deps: DiagnosisDeps, asker: Asker, hostId: HostId): Promise<Diagnosis> {
  const { db, clock, readings } = deps;
  const { caller } = asker;
  const { tenantId } = caller;
  const which = { tenantId, hostId };
  const host = showHost({ ...(await readHost(db, which)), ...readings(hostId) });
  const services = mayDo(caller.may, "service:read");
  const [instances, samples, changes] = await Promise.all([
    services ? readHostInstances(db, which) : [],
    readHostSamples(db, { ...which, sinceSeconds: HOUR_SECONDS, limit: MOST_SAMPLES }),
    changesOf(deps, caller, { host: hostId }),
  ]);
  const troubled = instances.filter(({ state }) => TROUBLED.includes(state)).slice(0, LOG_HOSTS);
  const on = { hostId, hostName: host.name };
  const logs = await Promise.all(
    troubled.map(({ serviceId, letter }) => logsOf(deps, asker, { serviceId, instances: [{ ...on, letter }] })),
  );
  const findings = await findingsAbout(deps, caller, [hostId, ...changes.map(({ id }) => id)]);
  const checkedAt = await clock.databaseNow();
  return diagnoseHost({ checkedAt, host, instances, samples, changes, findings, logs: logs.flat() });
}

export async function readChangeDiagnosis(deps: DiagnosisDeps, asker: Asker, changeId: ChangeId): Promise<Diagnosis> {
  const { db, clock, kernel } = deps;
  const { caller } = asker;
  const change = permitted(await readChange(db, { tenantId: caller.tenantId, changeId }), caller);
  const targets = change.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  const hosts = targets.flatMap(({ hostId, state }) => (hostId === null || state === "succeeded" ? [] : [hostId]));
  const ended = change.finishedAt !== null;
  const [blockers, findings, others] = await Promise.all([
    readBlockers(kernel, caller, changeId),
    findingsAbout(deps, caller, ended ? [changeId] : [changeId, ...hosts]),
    Promise.all(change.services.slice(0, 1).map((service) => changesOf(deps, caller, { service }))),
  ]);
  const changes = others.flat().filter(({ id }) => id !== changeId);
  return diagnoseChange({ checkedAt: await clock.databaseNow(), change, blockers, findings, changes });
}

async function changesOf(
  { db }: DiagnosisDeps,
  caller: Caller,
  of: { readonly service?: ServiceId; readonly host?: HostId },
): Promise<ChangeSummary[]> {
  return mayDo(caller.may, "change:read") ? await readChangesOf(db, caller, { ...of, rows: CHANGES }) : [];
}

async function findingsAbout({ findings }: DiagnosisDeps, caller: Caller, ids: readonly string[]): Promise<Finding[]> {
  const wanted = new Set(ids);
  const found = await Promise.all(findings.map((find) => find(caller.tenantId, caller)));
  return found.flat().filter(({ about = [] }) => about.some((id) => wanted.has(id)));
}

interface LogsOf {
  readonly serviceId: ServiceId;
  readonly instances: readonly Pick<Instance, "hostId" | "hostName" | "letter">[];
}

/** The last lines of instances that are in trouble; nothing where their agents are away. */
async function logsOf(
  { readLogs }: DiagnosisDeps,
  { caller, credentials }: Asker,
  { serviceId, instances }: LogsOf,
): Promise<DiagnosisLog[]> {
  if (instances.length === 0 || !mayDo(caller.may, "service:logs")) return [];
  const hosts = [...new Map(instances.map(({ hostId, hostName }) => [hostId, { hostId, name: hostName }])).values()];
  const query = { serviceId, hosts: hosts.slice(0, LOG_HOSTS), lines: LOG_LINES, credentials };
  try {
    const lines = await soon(await readLogs({ ...query, follow: false, forwarded: false }));
    const wanted = new Set(instances.map(({ hostName, letter }) => `${hostName}/${letter}`));
    const byInstance = Map.groupBy(lines, ({ host, letter }) => `${host}/${letter}`);
    return [...byInstance]
      .filter(([instance]) => wanted.has(instance))
      .map(([instance, of]) => {
        const [host = "", letter = ""] = instance.split("/");
        return { host, of: letter, lines: of.map(({ text }) => text) };
      });
  } catch (error) {
    if (error instanceof PlatformError) return [];
    throw error;
  }
}

/** What has come within the limit. */
async function soon(events: AsyncIterable<ServerEvent>): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const over = new AbortController();
  const late = sleep(LOG_LIMIT_MS, null, { signal: over.signal }).catch(() => null);
  const iterator = events[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), late]);
      if (next === null || next.done === true) return lines;
      lines.push(LogLine.parse(next.value.data));
    }
  } finally {
    over.abort();
    void iterator.return?.();
  }
}
