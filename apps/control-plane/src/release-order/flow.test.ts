import { CommandTemplate, CreateCommandTemplate, type TemplateAction } from "@evenkeel/contracts/command-template";
import { ChangeId, CommandTemplateId, newId } from "@evenkeel/contracts/id";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { describe, expect, test } from "vitest";
import { definition, empty, everywhere, hostNamed, old, planned, refused, running, spec } from "./testing.ts";
import type { World } from "./world.ts";

function template(name: string, actions: readonly object[], args: object = {}): CommandTemplate {
  const made = CreateCommandTemplate.parse({ name, actions, arguments: args });
  const about = {
    id: newId(CommandTemplateId, "tpl"),
    version: 3,
    createdBy: "ann",
    createdAt: "2026-01-01T00:00:00.000Z",
  };
  return CommandTemplate.parse({ ...made, ...about });
}

const hello = { name: "hello", script: "echo $WORD", timeoutSeconds: 10, retries: 2, intervalSeconds: 5 };
const withTemplates = (world: World, ...templates: readonly CommandTemplate[]): World => ({
  ...world,
  templates: new Map(templates.map((one) => [one.name, one])),
});
const withFlow = (...flow: readonly object[]) => spec({ definition: definition({ flow }) });
const namesOn = (world: World, order: ReturnType<typeof spec>, host = "local-1") =>
  planned(order, world)
    .targets.find(({ name }) => name === host)
    ?.steps.map(({ name }) => name);

describe("beside a step of the release", () => {
  const greet = template("greet", [hello, { name: "rest", wait: 2 }], { WORD: { default: "hi" } });
  const world = withTemplates(everywhere, greet);

  test("actions stand before or after it, named by template, version and action", () => {
    expect(namesOn(world, withFlow({ template: "greet", after: "await-health" }))).toEqual([
      ...[
        "clear-slot",
        "start-instance",
        "await-health",
        "greet@3/hello",
        "greet@3/rest",
        "introduce",
        "shift-traffic",
      ],
      ...["await-drained", "stop-instance"],
    ]);
    expect(namesOn(world, withFlow({ template: "greet", before: "stop-instance" }))?.slice(-3)).toEqual([
      ...["greet@3/hello", "greet@3/rest", "stop-instance"],
    ]);
  });

  test("the plan holds what is run: script, arguments, limits, and a deadline for all attempts", () => {
    const order = withFlow({ template: "greet", after: "await-health", arguments: { WORD: "$(reboot)" } });
    const plan = planned(order, world);
    const [step] = plan.targets[0]!.steps.filter(({ type }) => type === "run-script");
    expect(step).toMatchObject({
      input: {
        revisionId: plan.toRevisionId,
        letter: "b",
        command: ["/bin/sh", "-ec", "echo $WORD"],
        env: { WORD: "$(reboot)" },
        limits: { timeoutSeconds: 10, retries: 2, intervalSeconds: 5 },
      },
      repeatable: false,
      timeoutMs: 3 * 10_000 + 2 * 5000 + 15_000,
    });
  });

  test("it is only on the hosts that are named, and where there is such a step", () => {
    const zone = withFlow({ template: "greet", after: "await-health", hosts: { zones: ["b"] } });
    expect(namesOn(world, zone)).not.toContain("greet@3/hello");
    expect(namesOn(world, zone, "local-3")).toContain("greet@3/hello");
    const named = withFlow({ template: "greet", after: "await-health", hosts: ["local-2"] });
    expect([namesOn(world, named), namesOn(world, named, "local-2")].map((all) => all?.length)).toEqual([7, 9]);
    const first = withFlow({ template: "greet", before: "await-drained" });
    expect(namesOn(withTemplates(empty, greet), first)).not.toContain("greet@3/hello");
  });

  test("a host that only loses its instance has no actions, and the same template twice has two names", () => {
    const fewer = spec({
      definition: definition({ hosts: ["local-1"], flow: [{ template: "greet", before: "stop-instance" }] }),
    });
    expect(namesOn(world, fewer, "local-2")).toEqual(["detach", "await-drained", "stop-instance"]);
    const twice = withFlow({ template: "greet", after: "await-health" }, { template: "greet", after: "shift-traffic" });
    expect(namesOn(world, twice)?.filter((name) => name.includes("hello"))).toEqual([
      "greet@3/hello",
      "greet@3/hello (2)",
    ]);
  });

  test.each([
    ["an unknown argument", { arguments: { NO: "1" } }, "FLOW_INVALID"],
    ["both places at once", { before: "detach" }, "FLOW_INVALID"],
    ["a template that is not there", { template: "none" }, "NOT_FOUND"],
  ])("%s is refused", (_, more, code) => {
    expect(refused(withFlow({ template: "greet", after: "await-health", ...more }), world)).toBe(code);
  });

  test("an argument that is missing or of another type is refused", () => {
    const counts = template("counts", [hello], { ROUNDS: { type: "number" } });
    const order = (values: object) => withFlow({ template: "counts", after: "await-health", arguments: values });
    const here = withTemplates(everywhere, counts);
    expect(refused(order({}), here)).toBe("FLOW_INVALID");
    expect(refused(order({ ROUNDS: "many" }), here)).toBe("FLOW_INVALID");
    expect(refused(order({ ROUNDS: "2" }), here)).toBe("planned");
  });

  test("a way back runs no templates", () => {
    const order = ReleaseOrderSpec.parse({
      application: "shop",
      restore: {
        ofChange: newId(ChangeId, "chg"),
        revisionId: old,
        targets: [{ hostId: hostNamed("local-1").id, revisionId: old }],
      },
    });
    const { service } = world;
    const stored = { ...world, service: { ...service!, definition: definition({ flow: [{ template: "none" }] }) } };
    expect(refused(order, stored)).toBe("planned");
  });
});

describe("a flow of its own", () => {
  const all = [
    "clear-slot",
    "start-instance",
    "await-health",
    "introduce",
    "shift-traffic",
    "await-drained",
    "stop-instance",
  ];
  const flow = (...actions: readonly (string | object)[]) =>
    template("careful", actions.map((one) => (typeof one === "string" ? { step: one } : one)) as TemplateAction[]);
  const order = withFlow({ template: "careful" });

  test("its actions go between the steps of the release; steps that a host does not have are passed over", () => {
    const careful = flow(
      "clear-slot",
      "start-instance",
      hello,
      ...all.slice(2, 6),
      { name: "bye", wait: 0 },
      "stop-instance",
    );
    expect(namesOn(withTemplates(everywhere, careful), order)).toEqual([
      ...["clear-slot", "start-instance", "careful@3/hello", "await-health", "introduce", "shift-traffic"],
      ...["await-drained", "careful@3/bye", "stop-instance"],
    ]);
    expect(namesOn(withTemplates(empty, careful), order)).toEqual([
      ...[
        "clear-slot",
        "start-instance",
        "careful@3/hello",
        "await-health",
        "introduce",
        "shift-traffic",
        "careful@3/bye",
      ],
    ]);
  });

  test("both old letters are stopped where the flow says so", () => {
    const [host] = everywhere.hosts;
    const both = running([{ host: host! }, { host: host!, letter: "b", state: "crash-loop", attached: false }]);
    const names = namesOn(withTemplates(both, flow(...all, hello)), order);
    expect(names?.at(-1)).toBe("careful@3/hello");
  });

  test("a flow that leaves out a step that a host needs, or turns two round, is refused", () => {
    const refusedOf = (...actions: readonly (string | object)[]) =>
      refused(order, withTemplates(everywhere, flow(...actions)));
    expect(refusedOf(...all)).toBe("planned");
    for (const left of all) expect(refusedOf(hello, ...all.filter((step) => step !== left))).toBe("FLOW_INVALID");
    expect(refusedOf(...all.slice(0, 2), "introduce", "await-health", ...all.slice(4))).toBe("FLOW_INVALID");
  });

  test("one that names steps does not stand beside another", () => {
    const beside = withFlow({ template: "careful", after: "await-health" });
    expect(refused(beside, withTemplates(everywhere, flow(...all)))).toBe("FLOW_INVALID");
  });
});
