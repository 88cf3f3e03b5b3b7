// Writes the table of all error codes into the guide: the catalogue is the only source of their texts.
import { readFileSync, writeFileSync } from "node:fs";
import { ERRORS } from "@evenkeel/contracts/error";

const GUIDE = new URL("../docs/guide/troubleshooting.md", import.meta.url);
const SECTION = /(<!-- codes: [^\n]*-->\n)[\s\S]*(<!-- \/codes -->)/;

/** The guide with the table as the catalogue has it now. */
export function withErrorCodes(guide: string): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replace(/\{(\w+)\}/g, "*$1*");
  const rows = Object.entries(ERRORS)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { title, remedy }]) => `| \`${code}\` | ${cell(title)} | ${cell(remedy)} |`);
  const table = ["| code | what happened | what to do |", "|---|---|---|", ...rows].join("\n");
  return guide.replace(SECTION, (_, head: string, tail: string) => `${head}\n${table}\n\n${tail}`);
}

export function readGuide(): string {
  return readFileSync(GUIDE, "utf8");
}

if (process.argv[1] === import.meta.filename) writeFileSync(GUIDE, withErrorCodes(readGuide()));
