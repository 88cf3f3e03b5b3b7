import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Change, StepView } from "@evenkeel/contracts/change";
import type { CommandTemplate } from "@evenkeel/contracts/command-template";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { afterAll, beforeAll, expect, test } from "vitest";

// One developer, one platform: each test goes on where the one before ended.

let platform: Platform;
let folder: string;

beforeAll(async () => {
  platform = await startPlatform();
  folder = mkdtempSync(join(tmpdir(), "templates-"));
  writeFileSync(join(folder, "server.js"), SERVER);
});
afterAll(async () => {
  await platform.remove();
  rmSync(folder, { recursive: true, force: true });
});

const SERVER = `require("node:http").createServer((request, response) => response.end("well")).listen(process.env.PORT, process.env.HOST);`;

async function evenkeel(...line: readonly string[]) {
  const child = spawn(join(platform.home, "bin/evenkeel"), line, {
    cwd: folder,
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder, XDG_CONFIG_HOME: join(folder, "config") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes) => (out.stdout += bytes));
  child.stderr.on("data", (bytes) => (out.stderr += bytes));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...out };
}

const json = async <Value>(...line: readonly string[]): Promise<Value> =>
  JSON.parse((await evenkeel(...line, "--json")).stdout) as Value;

function manifest(version: string, flow: string): void {
  const text = `application: shop\nversion: ${version}\nstart: node server.js\nhosts: 2\nflow:\n${flow}`;
  writeFileSync(join(folder, "evenkeel.yaml"), text);
}

const scriptsOf = (change: Change): StepView[] =>
  change.groups
    .flatMap(({ batches }) => batches.flatMap(({ targets }) => targets.flatMap(({ steps }) => steps)))
    .filter(({ type }) => type === "run-script");

test("the template of the guide is made, and a release runs its actions on each host between health and traffic", async () => {
  const guide = readFileSync(new URL("../docs/guide/templates.md", import.meta.url), "utf8");
  const [, text = ""] = /```yaml\n(# warm-up\.yaml\n[\s\S]*?)```/.exec(guide) ?? [];
  writeFileSync(join(folder, "warm-up.yaml"), text);
  expect((await evenkeel("login")).code).toBe(0);
  expect(await json<CommandTemplate>("template", "create", "warm-up.yaml")).toMatchObject({ version: 1 });
  // The same once more is no other version; another is.
  expect(await json<CommandTemplate>("template", "create", "warm-up.yaml")).toMatchObject({ version: 1 });
  writeFileSync(join(folder, "warm-up.yaml"), text.replace("wait: 1", "wait: 0"));
  expect(await json<CommandTemplate>("template", "create", "warm-up.yaml")).toMatchObject({ version: 2 });
  expect((await evenkeel("template", "show", "warm-up@1")).stdout).toContain("wait 1 s");

  manifest("1.0.0", '  - { template: warm-up@1, after: await-health, arguments: { ROUNDS: "2" } }\n');
  const deployed = await evenkeel("deploy");
  expect(deployed.code, deployed.stdout + deployed.stderr).toBe(0);
  const change = await json<Change>("change", "show", "latest");
  expect(change.state).toBe("succeeded");
  const scripts = scriptsOf(change);
  expect(scripts.map(({ name, state }) => `${name} ${state}`)).toEqual(
    [1, 2].flatMap(() => ["first-answer", "pages", "settle"].map((name) => `warm-up@1/${name} succeeded`)),
  );
  const outputs = scripts.map(({ outcome }) => outcome?.output?.head);
  expect(outputs.slice(0, 2)).toEqual(["/ answered 200\n", "round 1 done\nround 2 done\n"]);
});

test("an action that fails to the end fails its host with attempts, output, exit code and cause", async () => {
  const failing =
    "name: gate\nactions:\n  - name: ask\n    script: echo asking; no-such-tool\n    retries: 1\n    intervalSeconds: 0\n";
  writeFileSync(join(folder, "gate.yaml"), failing);
  expect((await evenkeel("template", "create", "gate.yaml")).code).toBe(0);
  manifest("1.1.0", "  - { template: gate, before: shift-traffic }\n  - { template: gate, after: start-instance }\n");
  const deployed = await evenkeel("deploy");
  expect(deployed.code).toBe(1);
  const change = await json<Change>("change", "show", "latest");
  expect(change.state).toBe("failed");
  const [failed] = scriptsOf(change).filter(({ state }) => state === "failed");
  expect(failed).toMatchObject({
    name: "gate@1/ask",
    outcome: { exitCode: 127, problem: { code: "SCRIPT_FAILED" } },
    causes: [{ code: "COMMAND_NOT_FOUND", title: "The command no-such-tool was not found on this host." }],
  });
  const shown = await evenkeel("change", "show", "latest");
  expect(shown.stdout).toContain("→ likely: The command no-such-tool was not found on this host. COMMAND_NOT_FOUND");
  const doctor = await evenkeel("doctor");
  expect(doctor.stdout).toContain("COMMAND_NOT_FOUND");
});

test("a flow that does not fit is refused before anything is uploaded or stored", async () => {
  manifest("1.2.0", "  - { template: warm-up, after: await-health, arguments: { NOTHING: x } }\n");
  const refused = await evenkeel("deploy");
  expect(refused.code).toBe(1);
  expect(refused.stderr + refused.stdout).toContain("FLOW_INVALID");
});
