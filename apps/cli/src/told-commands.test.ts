import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "@evenkeel/contracts/error";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { buildProgram } from "./run.ts";

const ROOT = join(import.meta.dirname, "../../..");
const GUIDE = join(ROOT, "docs/guide");
const PAGES = [join(ROOT, "README.md"), ...readdirSync(GUIDE).map((name) => join(GUIDE, name))];
const program = buildProgram({ stdout: {}, stderr: {} } as Parameters<typeof buildProgram>[0]);

/** Command lines in blocks of a shell, and those within the text. */
function linesOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)];
  const shell = blocks.flatMap(([, language = "", text = ""]) => (["", "sh"].includes(language) ? [text] : []));
  const lines = shell.flatMap((text) => text.replaceAll("\\\n", " ").split("\n"));
  return [...lines.map((line) => line.replace(/\s# .*$/, "")), ...inText(markdown)].filter((line) =>
    line.startsWith("evenkeel "),
  );
}

const inText = (text: string): string[] => [...text.matchAll(/`(evenkeel [^`\n]+)`/g)].map(([, line = ""]) => line);

const wordsOf = (line: string): string[] =>
  [...(line.split(" | ")[0] ?? "").matchAll(/"[^"]*"|'[^']*'|\S+/g)].map(([word]) => word).slice(1);

/** The supervisor reads what these are given. */
const HANDED_ON = ["up", "restore"];

/** What is wrong with a command line, going by the commands and options that there are; null = nothing. */
function faultOf(line: string): string | null {
  const words = wordsOf(line);
  const path = pathOf(words);
  if (path === null) return `${line}: there is no such command`;
  if (HANDED_ON.includes(path.at(-1)?.name() ?? "")) return null;
  const options = path.flatMap((command) => command.options.flatMap(({ short, long }) => [short, long]));
  const flags = words.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.split("=")[0]);
  const strange = flags.find((flag) => !options.includes(flag));
  return strange === undefined ? null : `${line}: there is no option ${strange}`;
}

/** The commands from the first to the one that takes arguments; null where another word stands in the place of a command. */
function pathOf(
  [word = "", ...others]: readonly string[],
  path: readonly Command[] = [program],
): readonly Command[] | null {
  const { commands = [] } = path.at(-1) ?? {};
  const next = commands.find((each) => each.name() === word || each.aliases().includes(word));
  if (next !== undefined) return pathOf(others, [...path, next]);
  return commands.length > 0 && /^[a-z]/.test(word) ? null : path;
}

test("a command that is none, and an option that it has not, would be found", () => {
  expect(faultOf("evenkeel change rollback latest --fast")).toContain("no option --fast");
  expect(faultOf("evenkeel host shift local-1")).toContain("no such command");
  expect(faultOf('evenkeel change rollback latest --speed fast --reason "why" | cat')).toBeNull();
});

test.each(PAGES)("every command that %s shows can be run as it stands there", (page) => {
  expect(linesOf(readFileSync(page, "utf8")).flatMap((line) => faultOf(line) ?? [])).toEqual([]);
});

test("every command that a remedy names is one", () => {
  const remedies = Object.values(ERRORS).flatMap(({ title, remedy }) => [...inText(title), ...inText(remedy)]);
  expect(remedies.length).toBeGreaterThan(20);
  expect(remedies.flatMap((line) => faultOf(line) ?? [])).toEqual([]);
});
