import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { AdmissionRule, Criterion } from "@evenkeel/contracts/admission";
import { PlatformError } from "@evenkeel/contracts/error";
import type { AddCommands } from "./context.ts";
import { type ScopeOptions, scopeOf, scopeWords, withScopeOptions } from "./scope-options.ts";
import { details, table } from "./table.ts";

interface SetOptions extends ScopeOptions {
  readonly succeededIn?: string;
  readonly rollbackTarget?: boolean;
  readonly waivedInEmergency?: boolean;
}

export const addAdmissionCommands: AddCommands = (program, run) => {
  const rule = program.command("admission-rule").description("what must be true of a change before it begins");
  rule
    .command("list")
    .description("all admission rules")
    .action(
      run(async (cli) => {
        const rules = await allItems((await cli.client()).listAdmissionRules, {});
        cli.answer(rules, table(rules, COLUMNS, "There is no admission rule."));
      }),
    );
  rule
    .command("show")
    .argument("<rule>")
    .description("one admission rule")
    .action(
      run(async (cli, name: string) => {
        const found = await (await cli.client()).getAdmissionRule({ params: { rule: name } });
        cli.answer(found, show(found));
      }),
    );
  withScopeOptions(rule.command("set").argument("<rule>"))
    .description("makes a rule, or replaces the one of this name")
    .option("--succeeded-in <workspace>", "the same package and buildpack have succeeded there")
    .option("--rollback-target", "something ran before that it can go back to")
    .option("--waived-in-emergency", "an emergency start passes it")
    .action(
      run(async (cli, name: string, options: SetOptions) => {
        const { waivedInEmergency = false } = options;
        const body = { criterion: criterionOf(options), waivedInEmergency, scope: scopeOf(options) };
        const made = await (await cli.client()).setAdmissionRule({ params: { rule: name }, body });
        cli.answer(made, [line(span("✔", "good"), ` admission rule ${made.name}`), ...show(made)]);
      }),
    );
  rule
    .command("remove")
    .argument("<rule>")
    .description("takes a rule away")
    .action(
      run(async (cli, name: string) => {
        await (await cli.client()).removeAdmissionRule({ params: { rule: name } });
        cli.answer({ removed: name }, [line(span("✔", "good"), ` admission rule ${name} is removed`)]);
      }),
    );
};

function criterionOf({ succeededIn, rollbackTarget = false }: SetOptions): Criterion {
  if ((succeededIn === undefined) === !rollbackTarget)
    throw new PlatformError("INPUT_INVALID", { problem: "give one of --succeeded-in and --rollback-target" });
  return succeededIn === undefined ? { kind: "rollback-target" } : { kind: "succeeded-in", workspace: succeededIn };
}

const words = ({ criterion }: AdmissionRule): string =>
  criterion.kind === "succeeded-in"
    ? `the same bits succeeded in ${criterion.workspace}`
    : "there is something to go back to";

const COLUMNS = [
  { title: "RULE", value: ({ name }: AdmissionRule) => span(name, "bold") },
  { title: "ASKS THAT", value: words },
  { title: "FOR", value: ({ scope }: AdmissionRule) => scopeWords(scope) },
];

const show = (rule: AdmissionRule) =>
  details([
    ["asks that", words(rule)],
    ["for", scopeWords(rule.scope)],
    ["emergency", rule.waivedInEmergency ? "passes it" : "does not pass it"],
  ]);
