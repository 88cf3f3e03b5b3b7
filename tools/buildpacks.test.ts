import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BuildpackDefinition } from "@evenkeel/contracts/buildpack";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";

const BUILDPACKS = join(import.meta.dirname, "../buildpacks");
let app: string;

beforeEach(() => {
  app = mkdtempSync(join(tmpdir(), "buildpack-"));
});
afterEach(() => rmSync(app, { recursive: true, force: true }));

function definition(name: string): BuildpackDefinition {
  return BuildpackDefinition.parse(parse(readFileSync(join(BUILDPACKS, name, "buildpack.yaml"), "utf8")));
}

/** A PATH with the running Node, the system's basic tools, and no npm. */
function pathWithoutNpm(): string {
  const bin = mkdtempSync(join(app, "bin-"));
  for (const tool of ["sh", "cat"]) symlinkSync(join("/bin", tool), join(bin, tool));
  symlinkSync(process.execPath, join(bin, "node"));
  return bin;
}

function runScript(script: string) {
  const file = join(BUILDPACKS, "node/lifecycle", script);
  return spawnSync("/bin/sh", [file], { env: { APP_DIR: app, PATH: pathWithoutNpm() }, encoding: "utf8" });
}

function runStart() {
  const command = definition("node").start;
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
  return spawnSync("/bin/sh", ["-c", `exec ${command}`], { cwd: app, env, encoding: "utf8" });
}

test.each(readdirSync(BUILDPACKS))(
  "the built-in buildpack %s says what it needs, and its scripts are there with LF",
  (name) => {
    const { name: stated, lifecycle } = definition(name);
    expect(stated).toBe(name);
    for (const script of Object.values(lifecycle)) {
      const file = join(BUILDPACKS, name, script);
      expect(statSync(file).mode & 0o111, `${script} is executable`).not.toBe(0);
      expect(readFileSync(file, "utf8")).not.toContain("\r");
    }
  },
);

test("a Node application without a start script runs server.js", () => {
  writeFileSync(join(app, "server.js"), "console.log('from server.js')");
  expect(runStart()).toMatchObject({ status: 0, stdout: "from server.js\n" });
});

test("a Node application with a start script in package.json runs that one", () => {
  writeFileSync(join(app, "server.js"), "console.log('from server.js')");
  writeFileSync(join(app, "package.json"), JSON.stringify({ scripts: { start: "node main.js" } }));
  writeFileSync(join(app, "main.js"), "console.log('from main.js')");
  expect(runStart()).toMatchObject({ status: 0, stdout: "from main.js\n" });
});

test("a package that has no dependencies, or brings them, needs no npm on its host", () => {
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "shop" }));
  expect(runScript("setup")).toMatchObject({ status: 0, stderr: "" });
  writeFileSync(join(app, "package.json"), JSON.stringify({ dependencies: { left: "1.0.0" } }));
  symlinkSync(app, join(app, "node_modules"));
  expect(runScript("setup")).toMatchObject({ status: 0, stderr: "" });
});

test("a package that lacks its dependencies on a host without npm is refused with what to do", () => {
  writeFileSync(join(app, "package.json"), JSON.stringify({ dependencies: { left: "1.0.0" } }));
  const { status, stderr } = runScript("setup");
  expect(status).toBe(69);
  expect(stderr).toContain("npm ci --omit=dev");
});

test("a package.json that cannot be read is named before the start", () => {
  writeFileSync(join(app, "package.json"), "{ name: shop }");
  const { status, stderr } = runScript("check");
  expect(status).toBe(65);
  expect(stderr).toContain("package.json cannot be read");
});
