import type { Plan, PlannedBatch, PlannedGroup, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { Strategy } from "@evenkeel/contracts/strategy";
import { guardText } from "./guard.ts";
import { type Line, line, plural, span } from "./line.ts";

/** Host names in one cell of the plan before the rest is counted. */
const NAMES = 6;
/** Columns of a list of steps: beside its label it fits into 80. */
const LINE = 64;

/** The plan as people read it before they start it: hosts, batches, steps, what differs, what it holds. */
export function planLines(plan: Plan): Line[] {
  const batches = plan.groups.flatMap((group) => group.batches);
  const sizes = `${plural(plan.targets.length, "host")} in ${plural(batches.length, "batch")}`;
  return [
    line(span(plan.title, "bold"), span(`  ${sizes}`, "dim")),
    ...plan.groups.flatMap((group) => groupLines(plan, group)),
    ...stepLines(plan),
    ...guardLines(plan),
    ...differenceLines(plan),
    ...noteLines(plan),
  ];
}

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
  return line(`  ${batch.name.padEnd(width)}  `, ...names(targets), span(bake, "dim"), span(gate, "warn"));
}

function names(targets: readonly PlannedTarget[]) {
  const shown = targets
    .slice(0, NAMES)
    .flatMap(({ name, zone, online }, index) => [
      span(`${index === 0 ? "" : ", "}${hostOf(name)}`),
      span(` ${zone}`, "dim"),
      span(online ? "" : " offline", "warn"),
    ]);
  const rest = targets.length - NAMES;
  return rest > 0 ? [...shown, span(` and ${rest} more`, "dim")] : shown;
}

/** Below the name of its service a target needs no more than its host. */
const hostOf = (name: string) => name.slice(name.indexOf("@") + 1);

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
  if (differences.every(({ from }) => from === null)) {
    const version = differences.find(({ field }) => field === "version")?.to;
    return [line(span("  differs     ", "dim"), `all of it is new${version ? `: version ${version}` : ""}`)];
  }
  return differences.map(({ field, from, to, group }, index) =>
    line(
      span(index === 0 ? "  differs     " : "              ", "dim"),
      ...[
        span(group === undefined ? "" : `${group} `, "dim"),
        `${field}  `,
        span(from ?? "nothing", "dim"),
        " → ",
        span(to ?? "nothing", "bold"),
      ],
    ),
  );
}

function noteLines({ locks, missing, warnings, irreversible, expectedMs }: Plan): Line[] {
  const held = locks.filter(({ mode }) => mode === "exclusive").map(({ label }) => label);
  return [
    ...(held.length === 0 ? [] : [line(span("  holds       ", "dim"), held.join(", "))]),
    ...(expectedMs === null ? [] : [line(span("  takes       ", "dim"), `about ${Math.round(expectedMs / 1000)} s`)]),
    ...missing.map((text) => line(span("  missing     ", "dim"), span(text, "warn"))),
    ...warnings.map((text) => line(span("  warning     ", "dim"), span(text, "warn"))),
    line(
      span("  rollback    ", "dim"),
      irreversible === null ? "possible" : span(`not possible: ${irreversible}`, "warn"),
    ),
  ];
}
