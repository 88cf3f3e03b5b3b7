import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { Window, WindowKind } from "@evenkeel/contracts/window";
import type { AddCommands } from "./context.ts";
import { type ScopeOptions, scopeOf, scopeWords, withScopeOptions } from "./scope-options.ts";
import { details, table } from "./table.ts";

interface SetOptions extends ScopeOptions {
  readonly kind: WindowKind;
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
  readonly every?: string;
  readonly reason?: string;
}

export const addWindowCommands: AddCommands = (program, run) => {
  const window = program.command("window").description("when changes may begin: freezes, peak hours, change windows");
  window
    .command("list")
    .description("all windows, and whether their time is now")
    .action(
      run(async (cli) => {
        const windows = await allItems((await cli.client()).listWindows, {});
        cli.answer(windows, table(windows, COLUMNS, "There is no window: changes may begin at any time."));
      }),
    );
  window
    .command("show")
    .argument("<window>")
    .description("one window")
    .action(
      run(async (cli, name: string) => {
        const found = await (await cli.client()).getWindow({ params: { window: name } });
        cli.answer(found, show(found));
      }),
    );
  withScopeOptions(window.command("set").argument("<window>"))
    .description("makes a window, or replaces the one of this name")
    .requiredOption("--kind <kind>", "freeze or peak: no change begins inside; change: they begin only inside")
    .requiredOption("--from <time>", "where its first time begins, on the wall clock: 2026-12-24T18:00")
    .requiredOption("--to <time>", "where its first time ends")
    .option("--every <rule>", "when it comes again, an RRULE of RFC 5545: FREQ=WEEKLY;BYDAY=FR")
    .option("--time-zone <zone>", "whose wall clock", Intl.DateTimeFormat().resolvedOptions().timeZone)
    .option("--reason <text>", "told to those who are refused")
    .action(
      run(async (cli, name: string, options: SetOptions) => {
        const { kind, from: start, to: end, timeZone, every, reason } = options;
        const body = { kind, start, end, timeZone, recurrence: every ?? null, reason, scope: scopeOf(options) };
        const made = await (await cli.client()).setWindow({ params: { window: name }, body });
        cli.answer(made, [line(span("✔", "good"), ` window ${made.name}`), ...show(made)]);
      }),
    );
  window
    .command("remove")
    .argument("<window>")
    .description("takes a window away; what waited for it begins")
    .action(
      run(async (cli, name: string) => {
        await (await cli.client()).removeWindow({ params: { window: name } });
        cli.answer({ removed: name }, [line(span("✔", "good"), ` window ${name} is removed`)]);
      }),
    );
};

const COLUMNS = [
  { title: "WINDOW", value: ({ name }: Window) => span(name, "bold") },
  { title: "KIND", value: ({ kind }: Window) => kind },
  { title: "NOW", value: ({ inside }: Window) => (inside ? span("inside", "warn") : "outside") },
  { title: "UNTIL", value: ({ turnsAt }: Window) => turnsAt ?? "further notice" },
  { title: "FOR", value: ({ scope }: Window) => scopeWords(scope) },
];

function show({ kind, scope, timeZone, start, end, recurrence, reason, inside, turnsAt }: Window) {
  return details([
    ["kind", kind],
    ["for", scopeWords(scope)],
    ["first", `${start} to ${end}, ${timeZone}`],
    ["again", recurrence ?? "never"],
    ["now", `${inside ? "inside" : "outside"}, until ${turnsAt ?? "further notice"}`],
    ["reason", reason],
  ]);
}
