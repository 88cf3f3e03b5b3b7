import { findingLines } from "@evenkeel/client/text/diagnosis";
import { line, span } from "@evenkeel/client/text/line";
import { type AddCommands, commandLines } from "./context.ts";
import { Exit } from "./exit.ts";

export const addDoctorCommands: AddCommands = (program, run) => {
  program
    .command("doctor")
    .description("what is wrong or in the way, and what frees it")
    .action(
      run(async (cli) => {
        const { items, postgres, replicas, checkedAt } = await (await cli.client()).getDoctor();
        cli.answer({ items, postgres, replicas, checkedAt }, [
          line(span(`PostgreSQL ${postgres}, control planes: ${replicas.join(", ")}`, "dim")),
          ...items.flatMap((finding) => findingLines(finding)),
          ...(items.length === 0 ? [line(span("✔", "good"), " nothing is wrong")] : []),
          // Some come with the command's name before them.
          ...commandLines(
            cli,
            items.flatMap(({ actions }) => actions.map((action) => [action.replace(/^evenkeel /, ""), ""] as const)),
          ),
        ]);
        if (items.some(({ severity }) => severity === "error")) throw new Exit(1);
      }),
    );
};
