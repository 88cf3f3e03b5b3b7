import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { Application } from "@evenkeel/contracts/application";
import { PlatformError } from "@evenkeel/contracts/error";
import type { AddCommands } from "./context.ts";
import { numberOf } from "./number-option.ts";
import { details, table } from "./table.ts";

interface EditOptions {
  readonly owner?: string;
  readonly group?: string;
  readonly level?: number;
  readonly tag?: string[];
  readonly metadata?: string[];
}
interface ListOptions {
  readonly owner?: string;
  readonly group?: string;
  readonly level?: number;
  readonly tag?: string;
}

export const addApplicationCommands: AddCommands = (program, run) => {
  const application = program.command("application").alias("app").description("code bases: owner, group, level, tags");
  application
    .command("list")
    .description("all applications")
    .option("--owner <owner>")
    .option("--group <group>")
    .option("--level <level>", "1 to 5", numberOf)
    .option("--tag <tag>")
    .action(
      run(async (cli, options: ListOptions) => {
        const { owner, group, level, tag } = options;
        const applications = await allItems((await cli.client()).listApplications, { owner, group, level, tag });
        cli.answer(applications, table(applications, COLUMNS, "No application fits."));
      }),
    );
  application
    .command("show")
    .argument("<application>")
    .description("one application")
    .action(
      run(async (cli, name: string) => {
        const found = await (await cli.client()).getApplication({ params: { application: name } });
        cli.answer(found, show(found));
      }),
    );
  application
    .command("edit")
    .argument("<application>")
    .description("changes owner, group, level, tags or metadata")
    .option("--owner <owner>")
    .option("--group <group>")
    .option("--level <level>", "1 to 5", numberOf)
    .option("--tag <tags...>", "all its tags")
    .option("--metadata <entries...>", "all its metadata, as NAME=VALUE")
    .action(
      run(async (cli, name: string, { owner, group, level, tag, metadata }: EditOptions) => {
        const body = { owner, group, level, tags: tag, metadata: metadata && parseEntries(metadata) };
        const edited = await (await cli.client()).editApplication({ params: { application: name }, body });
        cli.answer(edited, [line(span("✔", "good"), ` ${edited.name} is edited`), ...show(edited)]);
      }),
    );
};

const COLUMNS = [
  { title: "APPLICATION", value: ({ name }: Application) => span(name, "bold") },
  { title: "OWNER", value: ({ owner }: Application) => owner },
  { title: "GROUP", value: ({ group }: Application) => group },
  { title: "LEVEL", value: ({ level }: Application) => String(level) },
  { title: "TAGS", value: ({ tags }: Application) => tags.join(", ") },
];

function show({ id, name, owner, group, level, tags, metadata, createdAt }: Application) {
  return details([
    ["application", span(name, "bold")],
    ["id", id],
    ["owner", owner],
    ["group", group],
    ["level", String(level)],
    ["tags", tags.join(", ")],
    ["made", createdAt],
    ...Object.entries(metadata),
  ]);
}

function parseEntries(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((each) => {
      const at = each.indexOf("=");
      if (at < 1) throw new PlatformError("INPUT_INVALID", { problem: `${each} is not NAME=VALUE` });
      return [each.slice(0, at), each.slice(at + 1)];
    }),
  );
}
