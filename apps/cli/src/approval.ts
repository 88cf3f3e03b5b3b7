import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { ApprovalRule, AwaitedApproval } from "@evenkeel/contracts/approval";
import { type AddCommands, commandLines } from "./context.ts";
import { numberOf } from "./number-option.ts";
import { type ScopeOptions, scopeOf, scopeWords, withScopeOptions } from "./scope-options.ts";
import { details, table } from "./table.ts";

interface RuleOptions extends ScopeOptions {
  readonly groups?: string[];
  readonly principals?: string[];
  readonly count: number;
  readonly creatorMayApprove?: boolean;
}

export const addApprovalCommands: AddCommands = (program, run) => {
  program
    .command("approval")
    .description("what waits for people who must agree")
    .command("list")
    .description("changes that wait for your approval")
    .option("--all", "for anybody's")
    .action(
      run(async (cli, { all }: { all?: boolean }) => {
        const waiting = await allItems((await cli.client()).listApprovals, {
          of: all ? ("all" as const) : ("me" as const),
        });
        const commands = waiting.filter(({ mine }) => mine).map(({ changeId }) => [`approve ${changeId}`, ""] as const);
        const empty = all ? "No change waits for approval." : "No change waits for your approval.";
        cli.answer(waiting, [...table(waiting, WAITING, empty), ...commandLines(cli, commands)]);
      }),
    );
  addRules(program, run);
};

const addRules: AddCommands = (program, run) => {
  const rule = program.command("approval-rule").description("who must approve which changes");
  rule
    .command("list")
    .description("all approval rules")
    .action(
      run(async (cli) => {
        const rules = await allItems((await cli.client()).listApprovalRules, {});
        cli.answer(rules, table(rules, RULES, "There is no rule: changes begin without approval."));
      }),
    );
  rule
    .command("show")
    .argument("<rule>")
    .description("one approval rule")
    .action(
      run(async (cli, name: string) => {
        const found = await (await cli.client()).getApprovalRule({ params: { rule: name } });
        cli.answer(found, show(found));
      }),
    );
  withScopeOptions(rule.command("set").argument("<rule>"))
    .description("makes a rule, or replaces the one of this name")
    .option("--groups <names...>", "groups whose members may approve")
    .option("--principals <names...>", "others who may")
    .option("--count <number>", "how many of them must", numberOf, 1)
    .option("--creator-may-approve", "whoever made the change counts, too")
    .action(
      run(async (cli, name: string, options: RuleOptions) => {
        const { groups = [], principals = [], count, creatorMayApprove = false } = options;
        const body = { groups, principals, count, creatorMayApprove, scope: scopeOf(options) };
        const made = await (await cli.client()).setApprovalRule({ params: { rule: name }, body });
        cli.answer(made, [line(span("✔", "good"), ` approval rule ${made.name}`), ...show(made)]);
      }),
    );
  rule
    .command("remove")
    .argument("<rule>")
    .description("takes a rule away")
    .action(
      run(async (cli, name: string) => {
        await (await cli.client()).removeApprovalRule({ params: { rule: name } });
        cli.answer({ removed: name }, [line(span("✔", "good"), ` approval rule ${name} is removed`)]);
      }),
    );
};

const who = ({ groups, principals }: Pick<ApprovalRule, "groups" | "principals">): string =>
  [...groups.map((group) => `group ${group}`), ...principals].join(", ");

const WAITING = [
  { title: "CHANGE", value: ({ changeId }: AwaitedApproval) => changeId },
  { title: "WHAT", value: ({ title }: AwaitedApproval) => span(title, "bold") },
  { title: "WORKSPACE", value: ({ workspace }: AwaitedApproval) => workspace },
  { title: "BY", value: ({ createdBy }: AwaitedApproval) => createdBy },
  {
    title: "LACKS",
    value: ({ open }: AwaitedApproval) =>
      open.map((rule) => `${rule.count - rule.approvedBy.length} by ${rule.rule} (${who(rule)})`).join("; "),
  },
];

const RULES = [
  { title: "RULE", value: ({ name }: ApprovalRule) => span(name, "bold") },
  { title: "APPROVERS", value: (rule: ApprovalRule) => `${rule.count} of ${who(rule)}` },
  { title: "FOR", value: ({ scope }: ApprovalRule) => scopeWords(scope) },
];

function show(rule: ApprovalRule) {
  return details([
    ["for", scopeWords(rule.scope)],
    ["approvers", `${rule.count} of ${who(rule)}`],
    ["creator", rule.creatorMayApprove ? "may approve" : "may not approve"],
  ]);
}
