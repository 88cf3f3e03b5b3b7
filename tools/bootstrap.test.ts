import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const PART = { name: "part", version: "1.0.0" };
const PACKAGE = { name: "sample", version: "1.0.0", workspaces: ["part"] };
const LOCK = {
  ...PACKAGE,
  lockfileVersion: 3,
  requires: true,
  packages: { "": PACKAGE, "node_modules/part": { resolved: "part", link: true }, part: PART },
};

describe("the bootstrap", () => {
  let checkout = "";
  const started = new Set<ChildProcess>();

  beforeEach(() => {
    checkout = mkdtempSync(join(tmpdir(), "evenkeel-bootstrap-"));
    write("package.json", JSON.stringify(PACKAGE));
    write("package-lock.json", JSON.stringify(LOCK));
    for (const folder of ["part", "tools", ".runtime"]) mkdirSync(join(checkout, folder));
    write("part/package.json", JSON.stringify(PART));
    for (const name of readdirSync(join(ROOT, "tools")).filter((file) => file.endsWith(".mjs"))) {
      cpSync(join(ROOT, "tools", name), join(checkout, "tools", name));
    }
    // The Node of this checkout, so that only the second phase is left; that one has nothing to download.
    const node = join(dirname(process.execPath), "../../..");
    symlinkSync(node, join(checkout, ".runtime", `node-${process.versions.node}`));
  });
  afterEach(() => {
    for (const child of started) child.kill("SIGKILL");
    started.clear();
    rmSync(checkout, { recursive: true, force: true });
  });

  function write(path: string, text: string): void {
    writeFileSync(join(checkout, path), text);
  }

  function start(args: string[], env: NodeJS.ProcessEnv = process.env) {
    const child = spawn(process.execPath, [join(checkout, "tools/bootstrap.mjs"), ...args], { cwd: checkout, env });
    started.add(child);
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk) => (said.out += chunk));
    child.stderr.on("data", (chunk) => (said.err += chunk));
    return { child, said, closed: once(child, "close") };
  }

  async function run(args: string[], env?: NodeJS.ProcessEnv) {
    const { said, closed } = start(args, env);
    const [code, signal] = await closed;
    return { code, signal, ...said };
  }

  test("runs the program with the pinned Node and its arguments, and ends as it ends", async () => {
    write(
      "program.ts",
      "const code: number = 7; console.log(process.version, ...process.argv.slice(2)); process.exitCode = code;",
    );
    expect(await run(["run", "program.ts", "--once", "a b"])).toMatchObject({
      code: 7,
      out: `${process.version} --once a b\n`,
    });
    write("dies.ts", 'process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 10_000);');
    expect(await run(["run", "dies.ts"])).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  test("installs when the lock file has changed, and only then", async () => {
    expect((await run(["install"])).err).toContain("the libraries are here");
    expect(await run(["install"])).toMatchObject({ code: 0, err: "" });
    write("package.json", JSON.stringify({ ...PACKAGE, version: "1.0.1" }));
    write("package-lock.json", JSON.stringify({ ...LOCK, version: "1.0.1" }));
    rmSync(join(checkout, "node_modules/.package-lock.json"));
    expect((await run(["install"])).err).toContain("the libraries are here");
  });

  test("an installation that was killed is done again by the next start", async () => {
    const { child, closed } = start(["install"]);
    await once(child.stderr, "data");
    child.kill("SIGKILL");
    await closed;
    expect(await run(["install"])).toMatchObject({ code: 0, err: expect.stringContaining("the libraries are here") });
  });

  test("a Ctrl-C that arrives twice, from the terminal and from npm, reaches the program once", async () => {
    await run(["install"]);
    write(
      "program.ts",
      `process.on("SIGINT", () => console.log("interrupted"));
       process.on("SIGTERM", () => { console.log("ended"); process.exit(0); });
       setInterval(() => {}, 1000); console.log("ready");`,
    );
    const { child, said, closed } = start(["run", "program.ts"]);
    await once(child.stdout, "data");
    child.kill("SIGINT");
    // Apart by a moment, or the kernel would make them one by itself.
    await sleep(100);
    child.kill("SIGINT");
    child.kill("SIGTERM");
    await closed;
    expect(said.out).toBe("ready\ninterrupted\nended\n");
  });

  test("what npm refuses is told in one sentence that says what to do", async () => {
    write("package.json", JSON.stringify({ ...PACKAGE, dependencies: { zod: "4.6.7" } }));
    expect(await run(["install"])).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /Evenkeel: package\.json and package-lock\.json differ; run `npm install` and commit both\.\n$/,
      ),
    });
  });

  test("an unknown program is refused before anything is installed", async () => {
    expect(await run(["strat"])).toMatchObject({ code: 1, err: expect.stringMatching(/^Evenkeel: Usage: /) });
    expect(readdirSync(checkout)).not.toContain("node_modules");
  });
});
