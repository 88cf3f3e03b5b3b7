import type { Cause } from "@evenkeel/contracts/cause";
import type { Blocker, Change, ChangeSummary, Finding, StepView, TargetView } from "@evenkeel/contracts/change";
import type { Diagnosis, DiagnosisLog, DiagnosisSeries } from "@evenkeel/contracts/diagnosis";
import { problemOf } from "@evenkeel/contracts/error";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { Host, HostInstance, HostSample } from "@evenkeel/contracts/host";
import type { Instance } from "@evenkeel/contracts/service";

/** What every diagnosis is made of, whatever it is about. */
interface Common {
  readonly checkedAt: string;
  /** Of all that doctor knows, what touches the subject. */
  readonly findings: readonly Finding[];
  /** Newest first. */
  readonly changes: readonly ChangeSummary[];
}

export interface ServiceFacts extends Common {
  readonly service: {
    readonly id: string;
    readonly name: string;
    readonly workspace: string;
    readonly application: string;
  };
  readonly revision: { readonly version: string; readonly buildpack: string } | null;
  readonly instances: readonly Instance[];
  /** Of the last two minutes. */
  readonly seconds: readonly VersionSample[];
  readonly logs: readonly DiagnosisLog[];
}

/** Fewer requests say nothing about a share. */
const TELLING_REQUESTS = 20;
const FAILING_SHARE = 0.01;
/** What began so soon after a change may have come with it. */
const AFTER_MS = 15 * 60_000;

/** What is wrong with a service, why, and what shows it. */
export function diagnoseService(known: ServiceFacts): Diagnosis {
  const { service, revision, instances, seconds, findings } = known;
  const healthy = instances.filter(({ state }) => state === "healthy");
  return diagnosis(known, {
    subject: { kind: "service", id: service.id, name: service.name },
    findings: [...serving(known), ...failing(known), ...findings],
    facts: [
      { name: "workspace", value: service.workspace },
      { name: "application", value: service.application },
      { name: "version", value: revision?.version ?? "–" },
      { name: "buildpack", value: revision?.buildpack ?? "–" },
      { name: "instances", value: `${healthy.length} / ${instances.length}` },
    ],
    logs: known.logs,
    series: trafficSeries(seconds),
  });
}

function serving({ service: { id, name }, revision, instances, changes }: ServiceFacts): Finding[] {
  const resource = `service/${name}`;
  if (revision === null) {
    const problem = problemOf("SERVICE_NOT_RELEASED", { service: name });
    return [{ severity: "note", resource, problem, since: null, actions: [], about: [id] }];
  }
  if (instances.some(({ state, traffic }) => state === "healthy" && traffic === "attached")) return [];
  const since = instances.map((instance) => instance.since).sort()[0] ?? null;
  const problem = problemOf("SERVICE_DOWN", { service: name });
  const { causes, actions } = afterChange(changes, since);
  return [
    { severity: "error", resource, problem, causes, since, actions: [...actions, `restart ${name}`], about: [id] },
  ];
}

function failing({ service: { id, name }, seconds, changes, checkedAt }: ServiceFacts): Finding[] {
  const since = new Date(Date.parse(checkedAt) - 60_000).toISOString();
  const minute = seconds.filter(({ at }) => at >= since);
  const sum = (of: (sample: VersionSample) => number) => minute.reduce((total, sample) => total + of(sample), 0);
  const [requests, failed] = [sum((sample) => sample.requests), sum((sample) => sample.failed)];
  if (requests < TELLING_REQUESTS || failed / requests <= FAILING_SHARE) return [];
  const percent = Math.round((1000 * failed) / requests) / 10;
  const problem = problemOf("REQUESTS_FAIL", { service: name, percent, failed, requests });
  const began = seconds.find((sample) => sample.failed > 0)?.at ?? since;
  const about = [id];
  return [
    { severity: "error", resource: `service/${name}`, problem, ...afterChange(changes, began), since: began, about },
  ];
}

/** The change that ran shortly before something began, and the way back from it. */
function afterChange(
  changes: readonly ChangeSummary[],
  since: string | null,
): Pick<Finding, "actions"> & { causes: Cause[] } {
  if (since === null) return { causes: [], actions: [] };
  const sinceMs = Date.parse(since);
  const last = changes.find(({ startedAt, finishedAt }) => {
    if (startedAt === null || Date.parse(startedAt) > sinceMs) return false;
    return finishedAt === null || sinceMs - Date.parse(finishedAt) < AFTER_MS;
  });
  if (last === undefined) return { causes: [], actions: [] };
  const facts = { change: last.title, state: last.state };
  const cause: Cause = {
    ...{ code: "AFTER_CHANGE", certainty: "possible", line: null, facts },
    title: `It began during or shortly after “${last.title}”, which is ${last.state}.`,
    remedy: "Compare its plan with what fails; roll it back if it is to blame.",
  };
  const back = last.allowedActions.includes("rollback") ? [`change rollback ${last.id} --speed fast --reason WHY`] : [];
  return { causes: [cause], actions: [`change show ${last.id}`, ...back] };
}

function trafficSeries(seconds: readonly VersionSample[]): DiagnosisSeries[] {
  const bySecond = [...Map.groupBy(seconds, ({ at }) => at)];
  const series = (
    name: DiagnosisSeries["name"],
    unit: DiagnosisSeries["unit"],
    of: (one: VersionSample[]) => number,
  ) => ({
    ...{ name, unit },
    points: bySecond.map(([at, samples]) => ({ at, value: of(samples) })),
  });
  const sum = (samples: readonly VersionSample[], of: (sample: VersionSample) => number) =>
    samples.reduce((total, sample) => total + of(sample), 0);
  return [
    series("requests", "per second", (samples) => sum(samples, ({ requests }) => requests)),
    series("failed", "per second", (samples) => sum(samples, ({ failed }) => failed)),
    series("p99", "ms", (samples) => Math.max(0, ...samples.map(({ p99Ms }) => p99Ms ?? 0))),
  ];
}

export interface HostDiagnosisFacts extends Common {
  readonly host: Host;
  readonly instances: readonly HostInstance[];
  readonly samples: readonly HostSample[];
  readonly logs: readonly DiagnosisLog[];
}

const STRAINED = 0.9;
/** One sample is a moment. */
const SAMPLES_OF_STRAIN = 3;

/** What is wrong with a host, why, and what shows it. */
export function diagnoseHost(known: HostDiagnosisFacts): Diagnosis {
  const { host, instances, samples, findings } = known;
  const { facts, clockSkewMs } = host;
  return diagnosis(known, {
    subject: { kind: "host", id: host.id, name: host.name },
    findings: [...strained(host, samples), ...findings],
    facts: [
      { name: "state", value: host.state },
      { name: "zone", value: host.zone },
      { name: "address", value: host.address },
      ...(facts === null
        ? []
        : [
            { name: "os", value: `${facts.os}, ${facts.kernel}` },
            { name: "agent", value: facts.agentVersion },
            { name: "cpus", value: String(facts.cpus) },
          ]),
      ...(clockSkewMs === null ? [] : [{ name: "skew", value: `${Math.round(clockSkewMs)} ms` }]),
      ...instances.map(({ service, letter, packageVersion, state }) => ({
        name: "instance",
        value: `${service}/${letter} ${packageVersion} ${state}`,
      })),
    ],
    logs: known.logs,
    series: hostSeries(samples),
  });
}

const usedOf = (total: number, free: number): number => (total === 0 ? 0 : 1 - free / total);
const SHARES = {
  cpu: ({ cpuBusy }: HostSample) => cpuBusy,
  memory: ({ memoryTotalBytes, memoryAvailableBytes }: HostSample) => usedOf(memoryTotalBytes, memoryAvailableBytes),
  disk: ({ diskTotalBytes, diskFreeBytes }: HostSample) => usedOf(diskTotalBytes, diskFreeBytes),
} as const;
const LABELS = { cpu: "CPU", memory: "Memory", disk: "Disk" } as const;

function strained({ id, name }: Host, samples: readonly HostSample[]): Finding[] {
  const last = samples.slice(-SAMPLES_OF_STRAIN);
  if (last.length === 0) return [];
  return (["cpu", "memory", "disk"] as const).flatMap((what) => {
    const share = Math.min(...last.map(SHARES[what]));
    if (share <= STRAINED) return [];
    const problem = problemOf("HOST_STRAINED", { what: LABELS[what], host: name, percent: Math.round(100 * share) });
    return [
      { severity: "warning", resource: `host/${id}`, problem, since: last[0]?.at ?? null, actions: [], about: [id] },
    ];
  });
}

function hostSeries(samples: readonly HostSample[]): DiagnosisSeries[] {
  const percent = (what: keyof typeof SHARES): DiagnosisSeries => ({
    ...{ name: what, unit: "%" },
    points: samples.map((sample) => ({ at: sample.at, value: Math.round(1000 * SHARES[what](sample)) / 10 })),
  });
  const load = samples.map(({ at, load1 }) => ({ at, value: load1 }));
  return [percent("cpu"), percent("memory"), percent("disk"), { name: "load", unit: "", points: load }];
}

export interface ChangeFacts extends Common {
  readonly change: Change;
  readonly blockers: readonly Blocker[];
}

/** What keeps a change or has made it fail, why, and what shows it. */
export function diagnoseChange(known: ChangeFacts): Diagnosis {
  const { change, blockers, findings } = known;
  const { id, title, kind, state, targets, createdBy, reason } = change;
  const blocked = blockers.map(({ problem, since, actions }): Finding => {
    const severity = state === "failed" ? "error" : "warning";
    return { severity, resource: `change/${id}`, problem, since, actions, about: [id] };
  });
  return diagnosis(known, {
    subject: { kind: "change", id, name: title },
    findings: [...findings, ...blocked],
    facts: [
      { name: "kind", value: kind },
      { name: "state", value: state },
      { name: "by", value: createdBy },
      ...(reason === null ? [] : [{ name: "reason", value: reason }]),
      { name: "targets", value: `${targets.succeeded + targets.skipped} / ${targets.total}` },
      ...(targets.failed === 0 ? [] : [{ name: "failed", value: String(targets.failed) }]),
      ...(targets.offline === 0 ? [] : [{ name: "offline", value: String(targets.offline) }]),
    ],
    logs: lastWords(change),
    series: [],
  });
}

const SHOWN_TARGETS = 5;
const SHOWN_LINES = 40;

function lastWords({ groups }: Change): DiagnosisLog[] {
  const targets = groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  return targets.flatMap(wordsOf).slice(0, SHOWN_TARGETS);
}

function wordsOf({ name, steps }: TargetView): DiagnosisLog[] {
  const failed = steps.findLast(({ outcome }) => outcome !== null && outcome.kind !== "succeeded");
  if (failed === undefined) return [];
  return [{ host: name, of: failed.name, lines: linesOf(failed) }];
}

function linesOf({ outcome }: StepView): string[] {
  if (outcome === null || outcome.kind === "succeeded") return [];
  const { evidence, exitCode, output, problem } = outcome;
  const command = evidence?.command ?? problem.facts.command;
  const printed =
    output === undefined ? [] : `${output.head}\n${output.tail}`.split("\n").filter((text) => text !== "");
  return [
    ...(typeof command === "string" ? [`$ ${command}`] : []),
    ...printed.slice(-SHOWN_LINES),
    ...(typeof exitCode === "number" ? [`exit code ${exitCode}`] : []),
  ];
}

const SEVERITIES: readonly Finding["severity"][] = ["error", "warning", "note"];

function diagnosis(
  { checkedAt, changes }: Common,
  own: Pick<Diagnosis, "subject" | "facts" | "series"> & {
    readonly findings: readonly Finding[];
    readonly logs: readonly DiagnosisLog[];
  },
): Diagnosis {
  const { subject, facts, series } = own;
  const once = new Map(own.findings.map((finding) => [`${finding.resource} ${finding.problem.title}`, finding]));
  const findings = [...once.values()].toSorted(
    (one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity),
  );
  const worst = findings[0]?.severity;
  const verdict = worst === "error" ? "trouble" : worst === "warning" ? "attention" : "well";
  const shown = changes.map(({ id, title, state, stateSince, createdBy, startedAt, finishedAt }) => ({
    ...{ id, title, state, stateSince, createdBy, startedAt, finishedAt },
  }));
  return { subject, checkedAt, verdict, findings, facts, changes: shown, logs: [...own.logs], series };
}
