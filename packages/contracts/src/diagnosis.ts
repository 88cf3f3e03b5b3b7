import { z } from "zod";
import { ChangeSummary, Finding } from "./change.ts";
import { endpoint } from "./endpoint.ts";
import { ChangeId, HostId, Moment, ServiceId } from "./id.ts";

/** The last words of an instance, or of a step that failed. */
export const DiagnosisLog = z.strictObject({ host: z.string(), of: z.string(), lines: z.array(z.string()) });
export type DiagnosisLog = z.infer<typeof DiagnosisLog>;

/** A measurement over the last minutes. */
export const DiagnosisSeries = z.strictObject({
  name: z.enum(["requests", "failed", "p99", "cpu", "memory", "disk", "load"]),
  unit: z.enum(["per second", "ms", "%", ""]),
  points: z.array(z.strictObject({ at: Moment, value: z.number() })),
});
export type DiagnosisSeries = z.infer<typeof DiagnosisSeries>;

/** What is known of one thing at one moment: what is wrong with it, why, what shows it, and what frees it. */
export const Diagnosis = z.strictObject({
  subject: z.strictObject({ kind: z.enum(["service", "host", "change"]), id: z.string(), name: z.string() }),
  checkedAt: Moment,
  /** `trouble`: something fails now; `attention`: something waits or runs short; `well`: nothing was found. */
  verdict: z.enum(["well", "attention", "trouble"]),
  /** Worst first; the actions of each are those that the caller may. */
  findings: z.array(Finding),
  facts: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  /** What changed it last, newest first. */
  changes: z.array(
    ChangeSummary.pick({
      id: true,
      title: true,
      state: true,
      stateSince: true,
      createdBy: true,
      startedAt: true,
      finishedAt: true,
    }),
  ),
  logs: z.array(DiagnosisLog),
  series: z.array(DiagnosisSeries),
});
export type Diagnosis = z.infer<typeof Diagnosis>;

const diagnosisOf = <const Path extends string, Params extends z.ZodObject>(path: Path, params: Params) =>
  endpoint("GET", path, { needs: "doctor:read", params, reply: Diagnosis });

/** Logs, changes, hosts and services that the caller may not read are left out. */
export const diagnosisEndpoints = {
  diagnoseService: diagnosisOf("/services/{serviceId}/diagnosis", z.strictObject({ serviceId: ServiceId })),
  diagnoseHost: diagnosisOf("/hosts/{hostId}/diagnosis", z.strictObject({ hostId: HostId })),
  diagnoseChange: diagnosisOf("/changes/{changeId}/diagnosis", z.strictObject({ changeId: ChangeId })),
};
