import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import { type HostRow, showHost } from "./show.ts";

/** Beyond this a host's clock confuses whoever compares its logs with another's, in ms; nothing of ours depends on it. */
const SKEW_LIMIT_MS = 2000;
const DISK_LOW = 0.05;

/** What is wrong with a host, and what frees it. */
export function findingsOf(row: HostRow): Finding[] {
  const { id, name, state, stateSince, facts, clockSkewMs } = showHost(row);
  const resource = `host/${id}`;
  const findings: Finding[] = [];
  if (state === "journal-lost" || state === "duplicate") {
    const problem = problemOf(state === "duplicate" ? "DUPLICATE_AGENT" : "JOURNAL_LOST", { host: name });
    findings.push({ severity: "error", resource, problem, since: stateSince, actions: [`host admit ${name}`] });
  }
  if (state === "offline") {
    const problem = problemOf("HOST_LOST", { host: name, since: stateSince });
    findings.push({ severity: "error", resource, problem, since: stateSince, actions: [`host remove ${name}`] });
  }
  if (clockSkewMs !== null && Math.abs(clockSkewMs) > SKEW_LIMIT_MS) {
    const problem = problemOf("CLOCK_SKEWED", { host: name, skewMs: Math.round(clockSkewMs) });
    findings.push({ severity: "warning", resource, problem, since: null, actions: [] });
  }
  if (facts !== null && facts.diskFreeBytes < facts.diskTotalBytes * DISK_LOW) {
    const problem = problemOf("DISK_LOW", { host: name, freeBytes: facts.diskFreeBytes });
    findings.push({ severity: "warning", resource, problem, since: null, actions: [] });
  }
  return findings.map((finding) => ({ ...finding, about: [id] }));
}
