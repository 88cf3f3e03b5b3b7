import type { Counts } from "./test-groups.ts";

/** A test that failed, or a file that did not load; an error outside of any test has no file. */
export interface Failure {
  readonly file: string;
  /** Its name and the first line of its error. */
  readonly line: string;
}

/** What the tests of a group came to. */
export interface Outcome extends Counts {
  readonly failures: readonly Failure[];
}

/** What the closing lines say of a group. */
export interface Verdict extends Counts {
  /** What failed, and what failed at first only. */
  readonly remarks: readonly string[];
}

/** So many files at most are given a second run: beyond, it is no accident. */
const SECOND_RUN_FILES = 4;

/** The files that are run once more, alone; none where nothing failed or the failure is final. */
export function secondRunOf({ failures }: Outcome): string[] {
  const files = [...new Set(failures.map(({ file }) => file))];
  return files.length > SECOND_RUN_FILES || files.includes("") ? [] : files;
}

/** The verdict of one run, or of a run and the second one of the files that failed in it. */
export function verdictOf(first: Outcome, second?: Outcome): Verdict {
  const { passed, failed, skipped } = first;
  const last = (second ?? first).failures.map(asRemark);
  if (second === undefined) return { passed, failed, skipped, remarks: last };
  const unsteady = first.failures.map(asRemark).filter((remark) => !last.includes(remark));
  return {
    passed: passed + Math.max(0, failed - second.failed),
    failed: second.failed,
    skipped,
    remarks: [...last, ...unsteady.map((remark) => `${remark} – at first; not when it ran alone`)],
  };
}

const asRemark = ({ file, line }: Failure): string => (file === "" ? line : `${file}: ${line}`);
