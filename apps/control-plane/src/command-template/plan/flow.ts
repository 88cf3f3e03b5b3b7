import type { PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import type { CommandTemplate, FlowEntry, FlowStep } from "@evenkeel/contracts/command-template";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { stepOf } from "./action.ts";
import { argumentsFor } from "./argument.ts";

/** What the steps of a release are to be mixed with, and the templates that are named, by their reference. */
export interface FlowWish {
  readonly flow: readonly FlowEntry[];
  readonly templates: ReadonlyMap<string, CommandTemplate>;
}

/** The target with the actions of its flow among its own steps; those keep their order, whatever the flow is. */
export function withFlow(target: PlannedTarget, { flow, templates }: FlowWish): PlannedTarget | Refusal {
  // Where nothing is brought up, there is no revision whose folder an action could run in.
  if (target.to === null) return target;
  let steps = target.steps;
  for (const entry of flow) {
    const template = templates.get(entry.template);
    if (template === undefined) return refuse("NOT_FOUND", { resource: `command template ${entry.template}` });
    const args = argumentsFor(entry, template);
    if (isRefusal(args)) return args;
    if (!isMeant(entry, target)) continue;
    const mixed = mix({ entry, template, arguments: args, target: { ...target, steps } });
    if (isRefusal(mixed)) return mixed;
    steps = mixed;
  }
  return { ...target, steps: namedOnce(steps) };
}

function isMeant({ hosts }: FlowEntry, { name, hostName = name, zone }: PlannedTarget): boolean {
  if (hosts === undefined) return true;
  return Array.isArray(hosts) ? hosts.some((one) => one === hostName) : hosts.zones.some((one) => one === zone);
}

interface Mix {
  readonly entry: FlowEntry;
  readonly template: CommandTemplate;
  readonly arguments: Readonly<Record<string, string>>;
  readonly target: PlannedTarget;
}

const flowRefused = ({ template }: FlowEntry, problem: string): Refusal =>
  refuse("FLOW_INVALID", { template, problem });

function mix(wish: Mix): PlannedStep[] | Refusal {
  const { entry, template } = wish;
  if (entry.before !== undefined && entry.after !== undefined) return flowRefused(entry, say("why.before-and-after"));
  const anchor = entry.before ?? entry.after;
  return anchor === undefined ? asFlow(wish) : beside(wish, anchor, template);
}

/** All actions together, before or after the step; on a target without such a step there is nothing to stand beside. */
function beside({ entry, arguments: args, target }: Mix, anchor: FlowStep, template: CommandTemplate) {
  const at = target.steps.findIndex(({ name }) => isStep(name, anchor));
  if (template.actions.some((action) => "step" in action)) return flowRefused(entry, say("why.flow-itself"));
  if (at < 0) return [...target.steps];
  const own = template.actions.flatMap((action) =>
    "step" in action ? [] : [stepOf({ template, action, arguments: args, target })],
  );
  return target.steps.toSpliced(entry.before === undefined ? at + 1 : at, 0, ...own);
}

/** Names every step of the release in its order; each action comes after the last step before it that this target has. */
function asFlow({ entry, template, arguments: args, target }: Mix): PlannedStep[] | Refusal {
  const left = [...target.steps];
  const steps: PlannedStep[] = [];
  for (const action of template.actions) {
    if (!("step" in action)) {
      steps.push(stepOf({ template, action, arguments: args, target }));
      continue;
    }
    // Old instances are stopped one by one, and actions of other templates stay beside their step.
    const last = left.findLastIndex(({ name }) => isStep(name, action.step));
    if (last >= 0) steps.push(...left.splice(0, last + 1));
  }
  const missed = left.find(({ type }) => type !== "run-script");
  if (missed !== undefined)
    return flowRefused(entry, say("why.last-steps", { step: missed.name, target: target.name }));
  const order = steps.filter(({ type }) => type !== "run-script").map(({ name }) => name);
  const wanted = template.actions.flatMap((action) => ("step" in action ? [action.step] : []));
  const problem = outOfOrder(wanted, order);
  return problem === null ? [...steps, ...left] : flowRefused(entry, problem);
}

/** Steps of the release depend on each other: a flow goes between them, it does not turn them round or leave them out. */
function outOfOrder(wanted: readonly FlowStep[], order: readonly string[]): string | null {
  const places = wanted.map((step) => order.findIndex((name) => isStep(name, step))).filter((at) => at >= 0);
  const unnamed = order.find((name) => !wanted.some((step) => isStep(name, step)));
  if (unnamed !== undefined) return say("why.leaves-out", { step: unnamed });
  const turned = places.findIndex((at, index) => index > 0 && at < (places[index - 1] ?? 0));
  if (turned < 0) return null;
  const [step = "", later = ""] = [turned, turned - 1].map((at) => order[places[at] ?? 0] ?? "");
  return say("why.turned", { step, later });
}

/** Where both letters are stopped their steps are called `stop-a` and `stop-b`. */
const isStep = (name: string, step: FlowStep): boolean =>
  name === step || (step === "stop-instance" && /^stop-[ab]$/.test(name));

/** The same template twice on one target: a step is known by its name. */
function namedOnce(steps: readonly PlannedStep[]): PlannedStep[] {
  const seen = new Map<string, number>();
  return steps.map((step) => {
    const count = (seen.get(step.name) ?? 0) + 1;
    seen.set(step.name, count);
    return count === 1 ? step : { ...step, name: `${step.name} (${count})` };
  });
}
