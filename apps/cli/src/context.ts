import { basename, delimiter, dirname } from "node:path";
import { type Client, createClient } from "@evenkeel/client/client";
import { type Line, line, span } from "@evenkeel/client/text/line";
import { createScreen, type Output, type Screen } from "@evenkeel/kit/terminal";
import type { Command } from "commander";
import { readSession } from "./session.ts";

/** The world around one run of the command. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** A person sits there and may be asked. */
  readonly interactive: boolean;
}

/** What every command has at hand. */
export interface Cli {
  readonly io: Io;
  /** One JSON value on standard output and nothing else. */
  readonly json: boolean;
  /** As the option says; commands that need one fall back to the manifest or `local`. */
  readonly workspace: string | undefined;
  /** Lines for people: standard output, or standard error where that belongs to JSON. */
  readonly screen: Screen;
  client(): Promise<Client>;
  /** The result: the value with `--json`, else the lines. */
  answer(value: unknown, lines: readonly Line[]): void;
  /** What stands beside the result: never on the standard output of `--json`. */
  note(...lines: readonly Line[]): void;
  /** How this command is called, for commands that are printed ready to run. */
  readonly name: string;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly workspace?: string;
}

/** Makes the context of a command that runs now. */
export function createCli(io: Io, { json = false, workspace }: GlobalOptions): Cli {
  const screen = createScreen({ output: json ? io.stderr : io.stdout, env: io.env });
  let client: Promise<Client> | undefined;
  return {
    ...{ io, json, workspace, screen, name: nameOf(io) },
    client() {
      client ??= readSession(io.env).then(({ urls, token }) => createClient({ url: urls, token }));
      return client;
    },
    answer(value, lines) {
      if (json) io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
      else screen.print(lines);
    },
    note(...lines) {
      if (!json) screen.print(lines);
    },
  };
}

/** As it was called; where the shell finds it by its name alone, by that. */
function nameOf({ env }: Io): string {
  const called = env.EVENKEEL_COMMAND ?? "evenkeel";
  const found = (env.PATH ?? "").split(delimiter).includes(dirname(called));
  return found ? basename(called) : called;
}

/** A part of the command line: adds its commands below the program. */
export type AddCommands = (program: Command, run: Run) => void;

/** Wraps what a command does: gives it its context, and its arguments and options as commander has parsed them. */
export type Run = <Arguments extends readonly unknown[]>(
  action: (cli: Cli, ...given: Arguments) => Promise<void>,
) => (...given: [...Arguments, unknown]) => Promise<void>;

/** Longer commands stand out of the column. */
const LONGEST_COMMAND = 40;

/** Commands that are ready to run, with what they do. */
export function commandLines(cli: Cli, commands: readonly (readonly [command: string, does: string])[]): Line[] {
  const lengths = commands.map(([command]) => command.length).filter((length) => length <= LONGEST_COMMAND);
  const width = Math.max(...lengths, 0);
  const room = cli.screen.live ? cli.screen.width - 1 : Number.POSITIVE_INFINITY;
  return commands.map(([command, does]) => {
    const padded = `  ${cli.name} ${command.padEnd(width)}`;
    // A command that is cut cannot be copied: rather without what it does.
    const fits = does !== "" && padded.length + does.length + 3 <= room;
    return fits ? line(padded, span(`   ${does}`, "dim")) : line(`  ${cli.name} ${command}`);
  });
}
