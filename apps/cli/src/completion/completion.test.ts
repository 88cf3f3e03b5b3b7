import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HostId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Bed, startBed, value } from "../test-bed.ts";

const at = "2026-01-01T00:00:00.000Z";
const host = (name: string) => ({
  ...{ id: newId(HostId, "host"), workspaceId: newId(WorkspaceId, "wsp"), name, zone: "a", cell: null },
  ...{ address: "127.0.10.11", labels: {}, state: "online", stateSince: at, facts: null, clockSkewMs: null },
  ...{ version: 1, createdAt: at, allowedActions: [] },
});

let bed: Bed;
beforeEach(async () => {
  const hosts = ["web-1", "web-2", "db-1"].map(host);
  bed = await startBed({ "GET /hosts": () => value({ items: hosts, nextCursor: null }) });
});
afterEach(() => bed.close());

async function after(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await bed.run(["complete", "--", ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = stdout.split("\n").slice(0, -1);
  return lines.map((line) => line.split("\t")[0] ?? "");
}

test.each([
  { words: ["cha"], expected: ["change"] },
  { words: ["change", "wa"], expected: ["watch"] },
  { words: ["completion", ""], expected: ["bash", "zsh", "fish"] },
  { words: ["--json", "completion", "z"], expected: ["zsh"] },
  { words: ["host", "list", "--js"], expected: ["--json"] },
  { words: ["--json", "host", "list", "--js"], expected: [] },
  { words: ["--workspace", "local", "change", "wa"], expected: ["watch"] },
  { words: ["--workspace=local", "change", "wa"], expected: ["watch"] },
  { words: ["nonsense", "wa"], expected: [] },
  { words: ["--nonsense", "change", "wa"], expected: ["watch"] },
])("after $words stand $expected", async ({ words, expected }) => {
  expect(await after(...words)).toEqual(expected);
});

test("each command is offered with what it does, hidden ones are not", async () => {
  const { stdout } = await bed.run(["complete", "--", ""]);
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines) expect(line).toMatch(/^[a-z-]+\t.+/);
  expect(lines.length).toBeGreaterThan(20);
  expect(stdout).not.toMatch(/^complete\t/m);
});

test("names come from the platform, and without one nothing is said and nothing fails", async () => {
  expect(await after("host", "show", "web")).toEqual(["web-1", "web-2"]);
  await bed.run(["logout"]);
  const away = { EVENKEEL_HOME: join(bed.folder, "nothing") };
  expect(await bed.run(["complete", "--", "host", "show", ""], away)).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("an unknown shell is refused", async () => {
  const { code, stderr } = await bed.run(["completion", "tcsh"]);
  expect(code).toBe(2);
  expect(stderr).toContain("USAGE_WRONG");
});

/** Answers as the command does: two words and what they do, where `change w` stands before the cursor. */
function standIn(): string {
  const path = join(bed.folder, "evenkeel");
  const answer = 'if [ "$*" = "complete -- change w" ]; then printf \'watch\\tfollows it\\nwait:up\\tx\\n\'; fi';
  writeFileSync(path, `#!/bin/sh\n${answer}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function scriptOf(shell: string): Promise<string> {
  const file = join(bed.folder, `completion.${shell}`);
  writeFileSync(file, (await bed.run(["completion", shell])).stdout);
  return file;
}

const SHELLS = {
  bash: (file: string, program: string) =>
    `source ${file}; COMP_WORDS=(${program} change w); COMP_CWORD=2; _evenkeel; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (file: string, program: string) =>
    `compdef() { :; }; _files() { print files; }; _describe() { print -rl -- "\${(@P)2}"; }
     source ${file}; words=(${program} change w); CURRENT=3; _evenkeel; words=(${program} x ''); _evenkeel`,
  fish: (file: string, program: string) =>
    `set PATH (dirname ${program}) $PATH; source ${file}; complete -C 'evenkeel change w'`,
};
const SHOWN = {
  bash: "watch\nwait:up\n",
  zsh: "watch:follows it\nwait\\:up:x\nfiles\n",
  fish: "wait:up\tx\nwatch\tfollows it\n",
};

test.each(["bash", "zsh", "fish"] as const)(
  "%s asks for the words before the cursor and shows what it hears",
  async (shell) => {
    const file = await scriptOf(shell);
    const { error } = spawnSync(shell, ["--version"]);
    if (error !== undefined) throw new Error(`${shell} is missing`);
    const flags = { bash: ["--norc", "-c"], zsh: ["-f", "-c"], fish: ["--no-config", "-c"] }[shell];
    const shown = execFileSync(shell, [...flags, SHELLS[shell](file, standIn())], { encoding: "utf8" });
    expect(shown).toBe(SHOWN[shell]);
  },
);
