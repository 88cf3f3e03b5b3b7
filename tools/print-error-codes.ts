// Writes the table of all error codes into the guide: the catalogue is the only source of their texts.
import { readFileSync, writeFileSync } from "node:fs";
import { CAUSE_RULES } from "@evenkeel/contracts/cause/find-causes";
import { ERRORS } from "@evenkeel/contracts/error";

const GUIDE = new URL("../docs/guide/troubleshooting.md", import.meta.url);
const CAUSES = /(<!-- causes: [^\n]*-->\n)[\s\S]*(<!-- \/causes -->)/;
const SECTION = /(<!-- codes: [^\n]*-->\n)[\s\S]*(<!-- \/codes -->)/;

const cell = (text: string) => text.replaceAll("|", "\\|").replace(/\{(\w+)\}/g, "*$1*");

/** The guide with both tables as the catalogue and the rules have them now. */
export function withErrorCodes(guide: string): string {
  return withCodes(withCauses(guide));
}

function withCauses(guide: string): string {
  const rows = CAUSE_RULES.toSorted((one, other) => (one.code < other.code ? -1 : 1)).map(
    ({ code, certainty, title, remedy }) => `| \`${code}\` | ${certainty} | ${cell(title)} | ${cell(remedy)} |`,
  );
  const table = ["| cause | how sure | what it is | what to do |", "|---|---|---|---|", ...rows].join("\n");
  return guide.replace(CAUSES, (_, head: string, tail: string) => `${head}\n${table}\n\n${tail}`);
}

function withCodes(guide: string): string {
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
