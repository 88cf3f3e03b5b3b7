import type { Snapshot } from "@evenkeel/client/snapshot";
import { changeLines } from "@evenkeel/client/text/change";
import { duration, type Line, line, span } from "@evenkeel/client/text/line";
import { changeNews } from "@evenkeel/client/text/news";
import type { Screen } from "@evenkeel/kit/terminal";
import type { LoadSnapshot, Second } from "@evenkeel/load/report";
import type { TourRelease, TourSummary } from "./summary.ts";

const BAR = 20;
/** Without a terminal, one line about the traffic in so many seconds. */
const PLAIN_EACH_SECONDS = 5;

/** Shows the tour: a region that is redrawn where the output can, lines where not. */
export class TourShow {
  readonly #screen: Screen;
  #snapshot: Snapshot | null = null;
  #traffic: Line[] = [];
  #seconds = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** A heading of the story. */
  say(...lines: readonly Line[]): void {
    this.#screen.print(lines);
  }

  release(snapshot: Snapshot): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (this.#screen.live) this.#draw();
    else this.#screen.print(indent(news(before, snapshot)));
  }

  /** The release is over: its tree stays. */
  settle(): void {
    if (this.#snapshot !== null && this.#screen.live) this.#screen.print(this.#tree(this.#snapshot));
    this.#snapshot = null;
    this.#draw();
  }

  second(second: Second, whole: LoadSnapshot): void {
    this.#traffic = trafficLines(second, whole);
    this.#seconds += 1;
    if (this.#screen.live) this.#draw();
    else if (this.#seconds % PLAIN_EACH_SECONDS === 0) this.#screen.print(this.#traffic);
  }

  close(): void {
    this.#screen.show([]);
    this.#screen.close();
  }

  #draw(): void {
    const tree = this.#snapshot === null ? [] : this.#tree(this.#snapshot);
    this.#screen.show([...tree, ...this.#traffic]);
  }

  #tree({ change, rollback }: Snapshot): Line[] {
    const now = Date.now();
    const below = rollback === null ? [] : indent(changeLines(rollback, { now }));
    return indent([...changeLines(change, { now }), ...below]);
  }
}

const indent = (lines: readonly Line[]): Line[] => lines.map((each) => [span("  "), ...each]);

function news(before: Snapshot | null, { change, rollback }: Snapshot): Line[] {
  const own = changeNews(before?.change ?? null, change);
  return rollback === null ? own : [...own, ...changeNews(before?.rollback ?? null, rollback)];
}

const number = (value: number): string => value.toLocaleString("en").replaceAll(",", " ");
const ms = (value: number | null): string =>
  value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

function trafficLines(second: Second, whole: LoadSnapshot): Line[] {
  const failed = span(`failed ${number(whole.failed)}`, whole.failed === 0 ? "good" : "bad");
  const head = line(
    ...[span("  requests  ", "dim"), `ok ${number(whole.ok)}  `, failed],
    span(`  ${second.requests}/s  p50 ${ms(second.p50Ms)}  p99 ${ms(second.p99Ms)}`, "dim"),
  );
  const versions = Object.entries(second.byVersion).sort(([one], [other]) => (one < other ? -1 : 1));
  const all = versions.reduce((sum, [, count]) => sum + count, 0) || 1;
  const shares = versions.map(([version, count]) => {
    const filled = Math.round((BAR * count) / all);
    const share = `${String(Math.round((100 * count) / all)).padStart(3)} %`;
    return line(
      span(`  ${version.padEnd(8)}  `, "dim"),
      span("█".repeat(filled), "busy"),
      span("░".repeat(BAR - filled), "dim"),
      ` ${share}`,
      span(`  ${number(whole.byVersion[version] ?? 0)} in all`, "dim"),
    );
  });
  return [head, ...shares];
}

/** The summary for people. */
export function summaryLines({ requests, releases, problems, durationMs, asTold }: TourSummary): Line[] {
  const { before, during } = requests;
  const versions = Object.entries(requests.byVersion).map(([version, count]) => `${version}: ${number(count)}`);
  return [
    line(""),
    line(span("Summary", "bold"), span(`  ${duration(durationMs)}`, "dim")),
    ...releases.flatMap(releaseLines),
    line(
      ...[label("requests"), `${number(requests.total)} at ${requests.perSecond}/s, `],
      span(`${number(requests.failed)} failed`, requests.failed === 0 ? "good" : "bad"),
      span(versions.length === 0 ? "" : `  (${versions.join(", ")})`, "dim"),
    ),
    line(label("latency"), `before          p50 ${ms(before.p50Ms)}  p99 ${ms(before.p99Ms)}`),
    ...Object.entries(during).map(([version, latency]) =>
      line(label(""), `during ${version}    p50 ${ms(latency.p50Ms)}  p99 ${ms(latency.p99Ms)}`),
    ),
    ...requests.failures.slice(0, 5).map((failure) => line(label(""), span(failure, "bad"))),
    line(""),
    asTold
      ? line(span("✔ ", "good"), "everything went as told")
      : line(span("✖ ", "bad"), span("not as told:", "bold")),
    ...problems.map((problem) => line("  ", span(problem, "bad"))),
  ];
}

function releaseLines({ version, state, durationMs, batches, cause, rollback }: TourRelease): Line[] {
  const good = state === "succeeded" || (state === "rolled-back" && rollback?.state === "succeeded");
  const widths = {
    name: Math.max(...batches.map(({ name }) => name.length)),
    hosts: Math.max(...batches.map(({ hosts }) => hosts.join(", ").length)),
  };
  return [
    line(
      ...[label(version), span(state, good ? "good" : "bad"), ` in ${duration(durationMs)}`],
      rollback === undefined ? "" : `, of which the rollback ${duration(rollback.durationMs)}`,
    ),
    ...batches.map(({ name, hosts, fromMs, toMs, state: ended }) =>
      line(
        ...[label(""), span(`${name.padEnd(widths.name)}  ${hosts.join(", ").padEnd(widths.hosts)}  `, "dim")],
        fromMs === null
          ? span("never begun", "dim")
          : `${ended} ${duration(fromMs)}${toMs === null ? "" : ` – ${duration(toMs)}`}`,
      ),
    ),
    ...(cause === undefined
      ? []
      : [line(label(""), `cause on ${cause.host}: ${cause.code}`), line(label(""), span(cause.title, "bad"))]),
  ];
}

const label = (text: string) => span(`  ${text.padEnd(10)}  `, "dim");
