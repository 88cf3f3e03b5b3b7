import type { Difference, Plan, PlannedBatch, PlannedGroup, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { Strategy } from "@evenkeel/contracts/strategy";
import { guardText } from "./guard.ts";
import { duration, hostsAndSteps, type Line, line, plural, type Span, span } from "./line.ts";

/** Host names in one cell of the plan before the rest is counted. */
const NAMES = 6;
/** Columns of a list of steps: beside its label it fits into 80. */
const LINE = 64;
/** The same for what differs. */
const VALUES = 66;

/** The plan as people read it before they start it: hosts, batches, steps, what differs, what it holds. */
export function planLines(plan: Plan): Line[] {
  const batches = plan.groups.flatMap((group) => group.batches);
  const sizes = `${sizeOf(plan.targets)} in ${plural(batches.length, "batch")}`;
  return [
    line(span(plan.title, "bold"), span(`  ${sizes}`, "dim")),
    ...plan.groups.flatMap((group) => groupLines(plan, group)),
    ...stepLines(plan),
    ...guardLines(plan),
    ...trafficLines(plan),
    ...differenceLines(plan),
    ...noteLines(plan),
  ];
}

const sizeOf = (targets: readonly PlannedTarget[]): string =>
  hostsAndSteps({ total: targets.length, moves: targets.filter(({ hostId }) => hostId === null).length });

const GATES = { start: "  after your confirmation", traffic: "  traffic after your confirmation" };

/** Groups are named where there are several; those that wait for nobody go side by side. */
function groupLines(plan: Plan, { name, after, batches, strategy }: PlannedGroup): Line[] {
  const lines = [...batches.map((batch) => batchLine(plan, batch, batches)), ...strategyLines(strategy)];
  if (plan.groups.length === 1) return lines;
  const behind = after.length === 0 ? "" : `  after ${after.join(", ")}`;
  return [line("  ", span(name, "bold"), span(behind, "dim")), ...lines.map((each) => line("  ", ...each))];
}

function batchLine(plan: Plan, batch: PlannedBatch, all: readonly PlannedBatch[]): Line {
  const width = Math.max(...all.map(({ name }) => name.length));
  const targets = batch.targetIds.flatMap((id) => plan.targets.filter(({ targetId }) => targetId === id));
  const gate = batch.gate === null ? "" : GATES[batch.gate];
  const bake = batch.bakeMs === 0 ? "" : `  bakes ${Math.round(batch.bakeMs / 1000)} s`;
  const takesMs = plan.expected?.batchesMs[batch.batchId];
  const takes = takesMs === undefined ? "" : `  ~${duration(takesMs)}`;
  return line(`  ${batch.name.padEnd(width)}  `, ...names(targets), span(`${takes}${bake}`, "dim"), span(gate, "warn"));
}

function names(targets: readonly PlannedTarget[]) {
  const shown = targets
    .slice(0, NAMES)
    .flatMap(({ name, hostName, zone, online }, index) => [
      span(`${index === 0 ? "" : ", "}${hostName ?? name}`),
      span(` ${zone}`, "dim"),
      span(online ? "" : " offline", "warn"),
    ]);
  const rest = targets.length - NAMES;
  return rest > 0 ? [...shown, span(` and ${rest} more`, "dim")] : shown;
}

/** What of the strategy the batches themselves do not show. */
function strategyLines(strategy: Strategy): Line[] {
  const { budget, cap, maxCellPercent, healthyDeadlineSeconds, progressDeadlineSeconds } = strategy;
  const [one, many] = {
    stop: ["stops it", "stop it"],
    continue: ["does not stop it", "do not stop it"],
    rollback: ["rolls it back", "roll it back"],
  }[budget.action];
  const allowed = typeof budget.failures === "number" ? plural(budget.failures, "host") : `${budget.failures} of them`;
  const lost = budget.failures === 0 ? `the first host that fails ${one}` : `more than ${allowed} ${many}`;
  const limits = [
    ...(cap === undefined ? [] : [`${plural(cap, "host")} a batch`]),
    ...(maxCellPercent === undefined ? [] : [`${maxCellPercent} % of a cell a batch`]),
  ];
  const deadlines = [
    ...(healthyDeadlineSeconds === undefined ? [] : [`healthy within ${healthyDeadlineSeconds} s`]),
    ...(progressDeadlineSeconds === undefined ? [] : [`some progress every ${progressDeadlineSeconds} s`]),
  ];
  return [
    ...(limits.length === 0 ? [] : [line(span("  at most     ", "dim"), limits.join(", "))]),
    ...(deadlines.length === 0 ? [] : [line(span("  deadlines   ", "dim"), deadlines.join(", "))]),
    line(span("  failures    ", "dim"), lost),
  ];
}

/** The steps of the first host: the others do the same, as far as they need it. */
function stepLines({ targets, opening, closing }: Plan): Line[] {
  const longest = targets.reduce<PlannedTarget | null>(
    (best, target) => (best !== null && best.steps.length >= target.steps.length ? best : target),
    null,
  );
  const parts: [string, readonly { name: string }[]][] = [
    ["first", opening],
    ["before", longest?.stage ?? []],
    ["each host", longest?.steps ?? []],
    ["at the end", closing],
  ];
  return parts
    .filter(([, steps]) => steps.length > 0)
    .flatMap(([label, steps]) =>
      wrapped(steps.map(({ name }) => name)).map((text, index) =>
        line(span(`  ${(index === 0 ? label : "").padEnd(10)}  `, "dim"), text),
      ),
    );
}

/** What watches the batches; plans of earlier versions have no guards. */
function guardLines({ groups }: Plan): Line[] {
  const texts = [...new Set(groups.flatMap(({ strategy }) => (strategy.guards ?? []).map(guardText)))];
  return texts.map((text, index) => line(span(index === 0 ? "  watched by  " : "              ", "dim"), text));
}

/** Names in lines that a narrow terminal shows whole. */
function wrapped(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length + 3 > LINE) lines.push(name);
    else lines[lines.length - 1] = `${last} · ${name}`;
  }
  return lines;
}

function differenceLines({ differences }: Plan): Line[] {
  if (differences.length === 0) return [line(span("  differs     ", "dim"), "nothing: what is planned runs already")];
  const version = differences.find(({ field }) => field === "version")?.to;
  if (version && differences.every(({ from }) => from === null))
    return [line(span("  differs     ", "dim"), `all of it is new: version ${version}`)];
  return differences.flatMap((difference, index) =>
    differenceText(difference).map((text, row) =>
      line(span(index === 0 && row === 0 ? "  differs     " : "              ", "dim"), ...text),
    ),
  );
}

/** Lines of one value before the rest of it is left out. */
const ROWS = 3;

/** In one line where it fits, else in several; long values are cut, `--json` has them whole. What was not there before needs no word. */
function differenceText({ field, from, to, group }: Difference): (string | Span)[][] {
  const name = `${group === undefined ? "" : `${group} `}${field}`;
  const [before, after] = [from, to].map((value) => value?.replaceAll("\n", "\\n") ?? "nothing") as [string, string];
  if (name.length + before.length + after.length + 5 <= VALUES) {
    return [[`${name}  `, span(before, "dim"), " → ", span(after, "bold")]];
  }
  const was = from === null ? [] : folded(before).map((text) => ["  ", span(text, "dim")]);
  return [[name], ...was, ...folded(after).map((text, row) => [row === 0 ? "→ " : "  ", span(text, "bold")])];
}

/** A value in lines that a narrow terminal shows whole, broken where it has spaces. */
function folded(text: string): string[] {
  const lines = [...text.matchAll(FITTING)].map(([part]) => part.trimEnd());
  const [shown, left] = [lines.slice(0, ROWS), lines.slice(ROWS)];
  return left.length === 0 ? shown : [...shown.slice(0, -1), `${shown.at(-1)?.slice(0, VALUES - 3)}…`];
}

/** At most so much of it as fits, up to a space where there is one. */
const FITTING = new RegExp(`.{1,${VALUES - 2}}(?:\\s|$)|.{1,${VALUES - 2}}`, "g");

function noteLines({ locks, missing, warnings, irreversible, ...plan }: Plan): Line[] {
  const held = locks.filter(({ mode }) => mode === "exclusive").map(({ label }) => label);
  return [
    ...(held.length === 0 ? [] : [line(span("  holds       ", "dim"), held.join(", "))]),
    line(span("  takes       ", "dim"), expectedText(plan)),
    ...missing.map((text) => line(span("  missing     ", "dim"), span(text, "warn"))),
    ...warnings.map((text) => line(span("  warning     ", "dim"), span(text, "warn"))),
    line(
      span("  rollback    ", "dim"),
      irreversible === null ? "possible" : span(`not possible: ${irreversible}`, "warn"),
    ),
  ];
}

/** How long a plan will take, from history; nobody knows how long people take. */
export function expectedText({ expectedMs, groups }: Pick<Plan, "expectedMs" | "groups">): string {
  const gates = groups.flatMap(({ batches }) => batches).filter(({ gate }) => gate !== null).length;
  const people = gates === 0 ? "" : `, and ${plural(gates, "confirmation")} beside`;
  if (expectedMs === null) return `unknown: there is no history of these steps yet${people}`;
  return `about ${duration(expectedMs)}${people}`;
}

/** What happens to the traffic of each host, from the steps that move it. */
function trafficLines({ targets }: Plan): Line[] {
  const ways = new Map<string, number>();
  for (const target of targets) {
    const way = trafficWay(target);
    if (way !== null) ways.set(way, (ways.get(way) ?? 0) + 1);
  }
  return [...ways].map(([way, count], index) =>
    line(span(`  ${(index === 0 ? "traffic" : "").padEnd(10)}  `, "dim"), `${plural(count, "host")}: ${way}`),
  );
}

function trafficWay({ steps }: PlannedTarget): string | null {
  const moves = steps.flatMap(({ name, traffic }) => (traffic === null ? [] : [{ name, ...traffic }]));
  const out = moves.find(({ during }) => during === "draining" || during === "detached");
  const back = moves.findLast(({ after }) => after === "attached");
  if (moves.length === 0) return null;
  if (out === undefined) {
    const joins = moves.some(({ during }) => during === "attaching");
    return joins ? `takes traffic at ${back?.name ?? "the end"}` : "never without traffic: the new one takes over";
  }
  return back === undefined ? `no more traffic from ${out.name} on` : `no traffic from ${out.name} to ${back.name}`;
}
