import type { Cause } from "@evenkeel/contracts/cause";
import type { Finding } from "@evenkeel/contracts/change";
import type { Diagnosis, DiagnosisSeries } from "@evenkeel/contracts/diagnosis";
import type { Problem } from "@evenkeel/contracts/error";
import { type Line, line, span, type Tone } from "./line.ts";
import { causeLines, problemLines } from "./problem.ts";

const MARKS: Record<Finding["severity"], readonly [string, Tone]> = {
  error: ["✖", "bad"],
  warning: ["⚠", "warn"],
  note: ["○", "dim"],
};
const VERDICTS: Record<Diagnosis["verdict"], readonly [string, Tone]> = {
  trouble: ["✖", "bad"],
  attention: ["⚠", "warn"],
  well: ["✔", "good"],
};

/** One finding as people read it: what is wrong, where, why, and what frees it stands beside it. */
export function findingLines({ severity, resource, problem, causes = [], since }: Finding): Line[] {
  const [mark, tone] = MARKS[severity];
  const head = line(
    span(mark, tone),
    " ",
    span(resource, "bold"),
    span(since === null ? "" : `  since ${since}`, "dim"),
  );
  return [head, ...problemLines(problem, "  "), ...causeLines(causes, { problem, output: [], indent: "  " })];
}

/** A diagnosis for a terminal. */
export function diagnosisLines(told: Diagnosis, words: DiagnosisWords = ENGLISH): Line[] {
  const { subject, verdict, findings, facts, logs, series, changes } = told;
  const [mark, tone] = VERDICTS[verdict];
  const width = Math.max(0, ...facts.map(({ name }) => words.fact(name).length));
  return [
    line(span(mark, tone), ` ${subject.name}: `, span(words.verdict(verdict), tone)),
    ...findings.flatMap((finding) =>
      ["", finding].flatMap((each) => (each === "" ? [line("")] : findingLines(finding))),
    ),
    line(""),
    ...facts.map(({ name, value }) => line(span(`  ${words.fact(name).padEnd(width)}  `, "dim"), value)),
    ...series.flatMap((one) => seriesText(one, words).map((text) => line(span("  "), text))),
    ...changes.map(({ title, state, stateSince }) => line(span(`  ${stateSince}  `, "dim"), `${title}: ${state}`)),
    ...logs.flatMap(({ host, of, lines }) => [
      line(""),
      line(span(`  ${host} ${of}`, "dim")),
      ...lines.map((text) => line(span("  │ ", "dim"), text)),
    ]),
  ];
}

/** The words of a report; whoever shows it in another language brings his own. */
export interface DiagnosisWords {
  readonly part: (
    part: "found" | "nothing" | "remedy" | "facts" | "measured" | "changes" | "logs" | "checked",
  ) => string;
  readonly verdict: (verdict: Diagnosis["verdict"]) => string;
  readonly fact: (name: string) => string;
  readonly series: (name: DiagnosisSeries["name"]) => string;
  /** Of a change; and the state of what is looked at. */
  readonly title: (title: string) => string;
  readonly state: (kind: Diagnosis["subject"]["kind"], state: string) => string;
  readonly problem: (problem: Problem) => { readonly title: string; readonly remedy: string };
  readonly cause: (cause: Cause) => { readonly title: string; readonly remedy: string };
}

const PARTS = {
  found: "What is wrong",
  nothing: "Nothing was found.",
  remedy: "Commands that free it",
  facts: "How it stands",
  measured: "Measurements",
  changes: "What changed it last",
  logs: "Last words",
  checked: "Checked",
} as const;
const SERIES: Record<DiagnosisSeries["name"], string> = {
  ...{ requests: "requests", failed: "failed requests", p99: "p99" },
  ...{ cpu: "CPU", memory: "memory", disk: "disk", load: "load" },
};
const ENGLISH: DiagnosisWords = {
  part: (part) => PARTS[part],
  verdict: (verdict) =>
    ({ trouble: "something is wrong", attention: "it waits or runs short", well: "it is well" })[verdict],
  fact: (name) => name,
  series: (name) => SERIES[name],
  title: (title) => title,
  state: (_kind, state) => state,
  problem: ({ title, remedy }) => ({ title, remedy }),
  cause: ({ title, remedy }) => ({ title, remedy }),
};

/** A diagnosis as one Markdown file: everything that it told, for whoever was not there. */
export function diagnosisReport(told: Diagnosis, words: DiagnosisWords = ENGLISH): string {
  const { subject, checkedAt, verdict, findings, facts, series, changes, logs } = told;
  const section = (part: keyof typeof PARTS, rows: readonly string[]): string[] =>
    rows.length === 0 ? [] : [`## ${words.part(part)}`, "", ...rows, ""];
  return [
    `# ${words.title(subject.name)}: ${words.verdict(verdict)}`,
    "",
    `${subject.kind} \`${subject.id}\` · ${words.part("checked")} ${checkedAt}`,
    "",
    ...section(
      "found",
      findings.length === 0 ? [words.part("nothing")] : findings.flatMap((each) => found(each, words)),
    ),
    ...section(
      "facts",
      table(
        facts.map(({ name, value }) => [words.fact(name), name === "state" ? words.state(subject.kind, value) : value]),
      ),
    ),
    ...section(
      "measured",
      series.flatMap((one) => seriesText(one, words).map((text) => `- ${text}`)),
    ),
    ...section(
      "changes",
      table(
        changes.map(({ title, state, stateSince, createdBy }) => [
          stateSince,
          words.title(title),
          words.state("change", state),
          createdBy,
        ]),
      ),
    ),
    ...section(
      "logs",
      logs.flatMap(({ host, of, lines }) => [`### ${host} ${of}`, "", ...fenced(lines), ""]),
    ),
  ].join("\n");
}

function found({ severity, resource, problem, causes = [], since, actions }: Finding, words: DiagnosisWords): string[] {
  const { title, remedy } = words.problem(problem);
  const why = causes
    .map((cause) => ({ ...words.cause(cause), line: cause.line }))
    .flatMap((cause) => [
      `- → ${cause.title} ${cause.remedy}`,
      ...(cause.line === null ? [] : [`  \`${cause.line}\``]),
    ]);
  return [
    `### ${MARKS[severity][0]} ${title}`,
    "",
    `${remedy} (\`${problem.code}\`, ${resource}${since === null ? "" : `, ${since}`})`,
    "",
    ...(why.length === 0 ? [] : [...why, ""]),
    ...(actions.length === 0 ? [] : [`${words.part("remedy")}:`, "", ...fenced(actions.map(withCommand)), ""]),
  ];
}

const withCommand = (action: string): string => (action.startsWith("evenkeel ") ? action : `evenkeel ${action}`);

/** A longer fence than any that stands in the text. */
function fenced(lines: readonly string[]): string[] {
  const longest = Math.max(2, ...lines.flatMap((text) => (text.match(/`{3,}/g) ?? []).map((run) => run.length)));
  const fence = "`".repeat(longest + 1);
  return [fence, ...lines, fence];
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function table(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const columns = rows[0]?.length ?? 0;
  const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [row(Array(columns).fill("")), row(Array(columns).fill("---")), ...rows.map(row)];
}

const BARS = "▁▂▃▄▅▆▇█";
const MOST_BARS = 60;

/** A measurement in a line: its last and highest value, and its course. */
function seriesText({ name, unit, points }: DiagnosisSeries, words: DiagnosisWords): string[] {
  const values = points.map(({ value }) => value).slice(-MOST_BARS);
  const last = values.at(-1);
  if (last === undefined) return [];
  const top = Math.max(...values, unit === "%" ? 100 : 1);
  const bars = values.map((value) => BARS[Math.min(7, Math.max(0, Math.floor((8 * value) / top)))]).join("");
  const shown = (value: number): string => `${Math.round(value * 10) / 10}${unit === "" ? "" : ` ${unit}`}`;
  return [`${words.series(name)} ${shown(last)} (≤ ${shown(Math.max(...values))}) ${bars}`];
}
