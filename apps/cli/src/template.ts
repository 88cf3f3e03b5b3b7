import { resolve } from "node:path";
import { readTemplateFile } from "@evenkeel/client/node/template-file";
import { allItems } from "@evenkeel/client/page";
import { type Line, line, plural, span } from "@evenkeel/client/text/line";
import type { CommandTemplate, TemplateAction } from "@evenkeel/contracts/command-template";
import type { AddCommands } from "./context.ts";
import { table } from "./table.ts";

export const addTemplateCommands: AddCommands = (program, run) => {
  const template = program.command("template").description("actions of your own in the flow of a release");
  template
    .command("create <file>")
    .description("the first version of a template, or its next")
    .action(
      run(async (cli, file: string) => {
        const wanted = await readTemplateFile(resolve(cli.io.cwd, file), file);
        const made = await (await cli.client()).createCommandTemplate({ body: wanted });
        cli.answer(made, [line(span("✔", "good"), " ", span(referenceOf(made), "bold"), `  ${actionsIn(made)}`)]);
      }),
    );
  template
    .command("list [name]")
    .description("the newest version of each; of one name, every version")
    .action(
      run(async (cli, name?: string) => {
        const found = await allItems((await cli.client()).listCommandTemplates, name === undefined ? {} : { name });
        cli.answer(found, table(found, COLUMNS, "There is no template yet."));
      }),
    );
  template
    .command("show <template>")
    .description("a template by name, or name@version")
    .action(
      run(async (cli, reference: string) => {
        const found = await (await cli.client()).getCommandTemplate({ params: { template: reference } });
        cli.answer(found, templateLines(found));
      }),
    );
};

const referenceOf = ({ name, version }: CommandTemplate): string => `${name}@${version}`;
const actionsIn = ({ actions }: CommandTemplate): string => plural(actions.length, "action");

const COLUMNS = [
  { title: "TEMPLATE", value: (one: CommandTemplate) => span(referenceOf(one), "bold") },
  { title: "ACTIONS", value: ({ actions }: CommandTemplate) => String(actions.length) },
  { title: "BY", value: ({ createdBy }: CommandTemplate) => createdBy },
  { title: "DESCRIPTION", value: ({ description }: CommandTemplate) => description },
];

function templateLines(template: CommandTemplate): Line[] {
  const { description, arguments: args, actions } = template;
  return [
    line(span(referenceOf(template), "bold"), description === "" ? "" : `  ${description}`),
    ...Object.entries(args).map(([name, argument]) => {
      const standard = argument.default === undefined ? "must be given" : `default ${argument.default}`;
      return line(`  ${name}  `, span(`${argument.type}, ${standard}  ${argument.description}`, "dim"));
    }),
    ...actions.flatMap((action, index) => actionLines(action, index + 1)),
  ];
}

function actionLines(action: TemplateAction, number: number): Line[] {
  if ("step" in action) return [line(`  ${number}. `, span(action.step, "bold"), span("  of the release", "dim"))];
  const { name, timeoutSeconds, retries, intervalSeconds, repeatable } = action;
  const again = retries === 0 ? "" : `, ${plural(retries, "more attempt")} every ${intervalSeconds} s`;
  const limits = `${timeoutSeconds} s${again}${repeatable ? ", repeatable" : ""}`;
  return [
    line(`  ${number}. `, span(name, "bold"), span(`  ${limits}`, "dim")),
    ...textOf(action)
      .split("\n")
      .map((text) => line(span(`     │ ${text}`, "dim"))),
  ];
}

function textOf(action: Exclude<TemplateAction, { step: unknown }>): string {
  if ("script" in action) return action.script.trimEnd();
  if ("command" in action) return action.command.join(" ");
  if ("wait" in action) return `wait ${action.wait} s`;
  return `ask ${action.ask.path} for ${action.ask.status}`;
}
