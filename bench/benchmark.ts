/** A measurement that `npm run bench -- NAME` runs. */
export interface Benchmark {
  /** What it measures, in one line. */
  readonly title: string;
  /** Whole numbers that the command line may set, with what they are otherwise. */
  readonly options?: Readonly<Record<string, number>>;
  /** Runs it; what it answers is what `--json` prints. */
  run(bench: Bench): Promise<Record<string, unknown>>;
}

/** What a benchmark gets. */
export interface Bench {
  /** For people. */
  say(line: string): void;
  /** The number that was asked for, or the benchmark's own. */
  option(name: string): number;
  /** Is done at the end, last first, however it ends: on Ctrl-C too. */
  defer(close: () => Promise<unknown>): void;
}

/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.trunc(values.length / 2)] ?? Number.NaN;
}

/** Value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.trunc(sorted.length * share))] ?? Number.NaN;
}

/** Rows with their columns in line; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
