import type { ModuleStatistics } from "@evenkeel/contracts/base-protocol";
import type { LimitAction, ModuleLimits } from "@evenkeel/contracts/module";

/** What was measured of one module in the last window. */
export interface Measured {
  readonly heapBytes: number | null;
  readonly cpuPercent: number;
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number;
}

export type Excess = ModuleStatistics["over"][number];

/** So many windows in a row: a moment is no misbehaviour. */
export const WINDOWS_OVER = 3;
const LEAST_REQUESTS = 20;
export const BYTES_OF_MB = 1024 ** 2;

/** Which limits a module is over in this window. */
export function excessesOf(limits: ModuleLimits, measured: Measured): Excess[] {
  const { heapBytes, cpuPercent, requests, errors, p99Ms } = measured;
  const enough = requests >= LEAST_REQUESTS;
  const rows: readonly (readonly [string, number | null, { most: number; action: LimitAction } | undefined])[] = [
    ["heapMb", heapBytes === null ? null : heapBytes / BYTES_OF_MB, limits.heapMb],
    ["cpuPercent", cpuPercent, limits.cpuPercent],
    ["errorPercent", enough ? (errors / requests) * 100 : null, limits.errorPercent],
    ["latencyMs", enough ? p99Ms : null, limits.latencyMs],
  ];
  return rows.flatMap(([measure, value, limit]) =>
    limit === undefined || value === null || value <= limit.most ? [] : [{ measure, value, ...limit }],
  );
}

/** Twice the memory is no moment's: nothing is waited for. */
export const isGross = ({ measure, value, most }: Excess): boolean => measure === "heapMb" && value >= 2 * most;

/** How often in a row each measure was over its limit, with this window counted. */
export function counted(before: ReadonlyMap<string, number>, over: readonly Excess[]): Map<string, number> {
  return new Map(over.map(({ measure }) => [measure, (before.get(measure) ?? 0) + 1]));
}
