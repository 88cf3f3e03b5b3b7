import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { Series } from "../kit/chart.tsx";

interface Lines {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly requests: readonly Series[];
  readonly errors: readonly Series[];
  readonly latest: readonly VersionSample[];
}

/** Gateways tell of a second one after the other. */
const LATE_SECONDS = 2;

/** The samples as lines; a second in which a version had no requests is a zero, not a gap. */
export function linesOf(samples: readonly VersionSample[]): Lines {
  if (samples.length === 0) return { times: [], requests: [], errors: [], latest: [] };
  const seconds = samples.map(secondOf);
  const first = Math.min(...seconds);
  const last = Math.max(...seconds);
  const times = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const byVersion = Map.groupBy(samples, ({ version }) => version);
  const versions = [...byVersion.keys()].sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  const line = (version: string, value: (sample: VersionSample) => number): Series => {
    const at = new Map(byVersion.get(version)?.map((sample) => [secondOf(sample), value(sample)]));
    return { name: version, values: times.map((time) => at.get(time) ?? 0) };
  };
  const rate = ({ requests, failed }: VersionSample) => (requests === 0 ? 0 : (100 * failed) / requests);
  return {
    times,
    requests: versions.map((version) => line(version, ({ requests }) => requests)),
    errors: versions.map((version) => line(version, rate)),
    latest: versions.flatMap((version) => {
      const newest = byVersion.get(version)?.at(-1);
      return newest === undefined ? [] : secondOf(newest) >= last - LATE_SECONDS ? newest : silent(newest);
    }),
  };
}

const secondOf = ({ at }: VersionSample): number => Date.parse(at) / 1000;

/** Nobody asks it any more: what it answered last is not what it answers now. */
const silent = (sample: VersionSample): VersionSample => ({ ...sample, requests: 0, failed: 0, p99Ms: null });
