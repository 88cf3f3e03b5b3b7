import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Client } from "@evenkeel/client/client";
import { diagnosisLines, diagnosisReport } from "@evenkeel/client/text/diagnosis";
import { line } from "@evenkeel/client/text/line";
import type { Diagnosis } from "@evenkeel/contracts/diagnosis";
import { findChange } from "./change/find.ts";
import { type AddCommands, type Cli, commandLines } from "./context.ts";
import { Exit } from "./exit.ts";
import { findHost } from "./host.ts";
import { findService } from "./service.ts";

interface DiagnoseOptions {
  readonly report?: string;
}

type Diagnose = (cli: Cli, client: Client, name: string) => Promise<Diagnosis>;

const SUBJECTS: Readonly<Record<string, Diagnose>> = {
  service: async (cli, client, name) =>
    await client.diagnoseService({ params: { serviceId: (await findService(cli, name)).id } }),
  host: async (cli, client, name) => await client.diagnoseHost({ params: { hostId: (await findHost(cli, name)).id } }),
  change: async (cli, client, name) =>
    await client.diagnoseChange({ params: { changeId: await findChange(cli, name) } }),
};

export const addDiagnoseCommands: AddCommands = (program, run) => {
  const diagnose = program
    .command("diagnose")
    .description("what is wrong with one service, host or change, why, what shows it, and what frees it");
  for (const [noun, read] of Object.entries(SUBJECTS)) {
    diagnose
      .command(noun)
      .argument(`<${noun}>`, "name or id")
      .option("--report <file>", "write it as one Markdown file too")
      .action(
        run(async (cli, name: string, { report }: DiagnoseOptions) => {
          const told = await read(cli, await cli.client(), name);
          if (report !== undefined) await writeFile(resolve(cli.io.cwd, report), diagnosisReport(told));
          const actions = [...new Set(told.findings.flatMap((finding) => finding.actions))];
          cli.answer(told, [
            ...diagnosisLines(told),
            ...(actions.length === 0 ? [] : [line("")]),
            ...commandLines(
              cli,
              // Some come with the command's name before them.
              actions.map((action) => [action.replace(/^evenkeel /, ""), ""] as const),
            ),
          ]);
          if (told.verdict === "trouble") throw new Exit(1);
        }),
      );
  }
};
