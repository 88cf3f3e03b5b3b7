import type { HealthGuard, MemoryGuard, RestartsGuard } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";
import type { Finding, InstanceReading, Labels, Measured } from "./measured.ts";

const MEGABYTE = 1024 ** 2;

const changedOf = ({ instances }: Measured): InstanceReading[] => instances.filter(({ changed }) => changed);

/** A host that is away, or of which nothing is known, is no host that is well. */
function blindSpots({ targets, instances }: Measured): string[] {
  const seen = new Set(instances.filter(({ changed, online }) => changed && online).map(({ host }) => host));
  return targets.filter((name) => !seen.has(name));
}

function noData(measured: Measured): Finding | null {
  const blind = blindSpots(measured);
  if (blind.length > 0) {
    const hosts = blind.slice(0, 5);
    const text = blind.length > 5 ? say("verdict.unknown-others", { hosts }) : say("verdict.unknown", { hosts });
    return { outcome: "no-data", text, evidence: { blind } };
  }
  return measured.targets.length > 0 ? null : { outcome: "no-data", text: say("verdict.unchanged"), evidence: {} };
}

/** An instance that died was brought back by its agent: no request tells, and it is not well. */
export function judgeRestarts({ allowed }: RestartsGuard, measured: Measured): Finding {
  const restarts = Object.fromEntries(changedOf(measured).map((one) => [one.host, one.restarts]));
  const restless = changedOf(measured).filter((one) => one.restarts > allowed);
  if (restless.length > 0) {
    const text = restless
      .slice(0, 5)
      .map(({ host, restarts: times }) =>
        times === 1 ? say("verdict.restarted-once", { host }) : say("verdict.restarted", { host, count: times }),
      )
      .join(", ");
    return { outcome: "worse", text, evidence: { restarts, allowed } };
  }
  return (
    noData(measured) ?? { outcome: "pass", text: say("verdict.restarts-allowed"), evidence: { restarts, allowed } }
  );
}

const SICK = ["unhealthy", "crash-loop", "stopped"];

/** Judged by the agents, for as long as the instances live. */
export function judgeHealth(_guard: HealthGuard, measured: Measured): Finding {
  const states = Object.fromEntries(changedOf(measured).map(({ host, state }) => [host, state]));
  const sick = changedOf(measured).filter(({ state }) => SICK.includes(state));
  if (sick.length > 0) {
    const text = sick
      .slice(0, 5)
      .map(({ host, state }) => say("why.is-so", { what: host, state }))
      .join(", ");
    return { outcome: "worse", text, evidence: { states } };
  }
  const unsure = changedOf(measured).find(({ state }) => state !== "healthy");
  if (unsure !== undefined)
    return {
      outcome: "no-data",
      text: say("why.is-so", { what: unsure.host, state: unsure.state }),
      evidence: { states },
    };
  return noData(measured) ?? { outcome: "pass", text: say("verdict.healthy"), evidence: { states } };
}

/** The changed instance that uses most, against the one that uses most of the others: one leak among many is a leak. */
export function judgeMemory(guard: MemoryGuard, measured: Measured, labels: Labels): Finding {
  const blind = noData(measured);
  if (blind !== null) return blind;
  const changed = changedOf(measured);
  const silent = changed.find(({ memoryBytes }) => memoryBytes === null);
  if (silent !== undefined)
    return { outcome: "no-data", text: say("verdict.memory-untold", { host: silent.host }), evidence: {} };
  const sides = {
    unchanged: largest(measured.instances.filter((one) => !one.changed && one.online).map((one) => one.memoryBytes)),
    before: largest(changed.map((one) => one.memoryBytesBefore)),
  };
  const known = [...new Set(guard.against)].flatMap((against) => {
    const bytes = sides[against];
    return bytes === null ? [] : [{ against, bytes }];
  });
  if (known.length === 0) return { outcome: "no-data", text: say("verdict.nothing-to-compare"), evidence: sides };
  const bytes = largest(changed.map(({ memoryBytes }) => memoryBytes)) ?? 0;
  const exceeded = known.find(
    (other) => bytes > Math.max(other.bytes * guard.factor, other.bytes + guard.atLeastMb * MEGABYTE),
  );
  const compared = exceeded === undefined ? known : [exceeded];
  const others = compared.map((other) => used(labels[other.against], other.bytes));
  const text = say("verdict.memory", { side: labels.changed, megabytes: megabytes(bytes), others });
  return { outcome: exceeded === undefined ? "pass" : "worse", text, evidence: { changed: bytes, ...sides } };
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

const megabytes = (bytes: number): number => Math.round(bytes / MEGABYTE);
const used = (side: string, bytes: number): string => say("verdict.megabytes", { side, megabytes: megabytes(bytes) });
