import type { Change } from "@evenkeel/contracts/change";
import type { Problem } from "@evenkeel/contracts/error";
import type { LoadReport } from "@evenkeel/load/report";

/** One batch of a release as it went. */
export interface TourBatch {
  readonly name: string;
  readonly state: string;
  readonly hosts: readonly string[];
  /** Since the release began; null where the batch never did. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export interface TourRelease {
  readonly application: string;
  readonly version: string;
  readonly changeId: string;
  readonly state: string;
  readonly durationMs: number;
  readonly batches: readonly TourBatch[];
  readonly cause?: { readonly host: string; readonly code: string; readonly title: string };
  readonly rollback?: { readonly changeId: string; readonly state: string; readonly durationMs: number };
}

interface Latency {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** What the first run did and found; printed as one line of JSON. */
export interface TourSummary {
  readonly asTold: boolean;
  /** What was not as told; empty where all was. */
  readonly problems: readonly string[];
  readonly durationMs: number;
  readonly requests: {
    readonly total: number;
    readonly failed: number;
    readonly perSecond: number;
    readonly byVersion: Readonly<Record<string, number>>;
    readonly before: Latency;
    readonly during: Readonly<Record<string, Latency>>;
    readonly failures: readonly string[];
  };
  readonly releases: readonly TourRelease[];
}

/** The release as the summary tells of it. */
export function summarizeRelease(version: string, change: Change, rollback: Change | null): TourRelease {
  const began = change.startedAt === null ? null : Date.parse(change.startedAt);
  const since = (at: string | null): number | null => (at === null || began === null ? null : Date.parse(at) - began);
  const cause = causeOf(change);
  return {
    application: "hello",
    version,
    changeId: change.id,
    state: change.state,
    durationMs: took(change),
    batches: change.groups
      .flatMap((group) => group.batches)
      .map(({ name, state, targets, startedAt, finishedAt }) => ({
        name,
        state,
        hosts: targets.map((target) => target.name),
        fromMs: since(startedAt),
        toMs: since(finishedAt),
      })),
    ...(cause !== null && { cause }),
    ...(rollback !== null && {
      rollback: { changeId: rollback.id, state: rollback.state, durationMs: took(rollback) },
    }),
  };
}

function took({ startedAt, finishedAt }: Change): number {
  return startedAt === null || finishedAt === null ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);
}

function causeOf(change: Change): TourRelease["cause"] | null {
  const targets = change.groups.flatMap((group) => group.batches.flatMap((batch) => batch.targets));
  for (const { name, problem, steps } of targets) {
    const outcome = steps.findLast((step) => step.outcome !== null && step.outcome.kind !== "succeeded")?.outcome;
    const found: Problem | null = problem ?? (outcome && outcome.kind !== "succeeded" ? outcome.problem : null);
    if (found !== null) return { host: name, code: found.code, title: found.title };
  }
  return null;
}

/** Names of the windows of the load. */
export const BEFORE = "before";

/** What the load found. */
export function summarizeLoad(report: LoadReport | null): TourSummary["requests"] {
  if (report === null) {
    const nothing = { p50Ms: null, p99Ms: null };
    return { total: 0, failed: 0, perSecond: 0, byVersion: {}, before: nothing, during: {}, failures: [] };
  }
  const latency = (name: string): Latency => {
    const found = report.windows.find((window) => window.name === name);
    return { p50Ms: found?.p50Ms ?? null, p99Ms: found?.p99Ms ?? null };
  };
  const releases = report.windows.map(({ name }) => name).filter((name) => /^\d/.test(name));
  return {
    total: report.requests,
    failed: report.failed,
    perSecond: Math.round(report.sent / (report.elapsedMs / 1000)),
    byVersion: report.byVersion,
    before: latency(BEFORE),
    during: Object.fromEntries(releases.map((name) => [name, latency(name)])),
    failures: report.failures.map(({ at, kind, request, error }) => `${at} ${request} ${kind}: ${error}`),
  };
}
