import { line, span } from "@evenkeel/client/text/line";
import type { AuditEntry } from "@evenkeel/contracts/principal";
import { findChange } from "./change/find.ts";
import type { AddCommands } from "./context.ts";
import { numberOf } from "./number-option.ts";
import { table } from "./table.ts";

interface AuditOptions {
  readonly change?: string;
  readonly principal?: string;
  readonly action?: string;
  readonly refused?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
}

export const addAuditCommands: AddCommands = (program, run) => {
  program
    .command("audit")
    .description("who did what, and who was refused; the newest first")
    .option("--change <change>", "of one change: id, a unique end of it, or latest")
    .option("--principal <name>", "by one principal")
    .option("--action <permission>", "one permission, as change:approve")
    .option("--refused", "only what was refused")
    .option("--from <time>", "from this moment on (ISO 8601)")
    .option("--to <time>", "before this moment")
    .option("--limit <number>", "how many, 200 at most", numberOf, 50)
    .action(
      run(async (cli, options: AuditOptions) => {
        const { principal, action, refused, from, to, limit } = options;
        const change = options.change === undefined ? undefined : await findChange(cli, options.change);
        const outcome = refused ? ("refused" as const) : undefined;
        const client = await cli.client();
        const { items, nextCursor } = await client.listAudit({
          query: { change, principal, action, outcome, from, to, limit },
        });
        const more = nextCursor === null ? [] : [line(span("There is more: use --limit, or --to.", "dim"))];
        cli.answer(items, [...table(items, COLUMNS, "Nothing of the kind was done."), ...more]);
      }),
    );
};

const COLUMNS = [
  { title: "AT", value: ({ at }: AuditEntry) => at },
  { title: "WHO", value: ({ principal }: AuditEntry) => span(principal, "bold") },
  { title: "DID", value: ({ action }: AuditEntry) => action },
  { title: "TO", value: ({ resource }: AuditEntry) => resource },
  {
    title: "OUTCOME",
    value: ({ outcome, code }: AuditEntry) =>
      outcome === "done" ? span("done", "good") : span(`refused ${code}`, "bad"),
  },
];
