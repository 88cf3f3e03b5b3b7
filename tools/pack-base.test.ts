import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { bundleOf } from "@evenkeel/testkit/base-application";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packBase } from "./pack-base.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");

/** npm is somebody else's program; run by the Node of these tests, because packing must not depend on the machine's. */
async function npm(): Promise<readonly [string, string]> {
  const onPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "npm"));
  for (const each of [process.env.npm_execpath ?? "", ...onPath]) {
    const file = await realpath(each).catch(() => "");
    if (file.endsWith("npm-cli.js")) return [process.execPath, file];
  }
  throw new Error("there is no npm on PATH");
}

let folder: string;
let outside: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-published-"));
  outside = join(folder, "outside");
  await mkdir(outside);
  const [node, cli] = await npm();
  const packed = [await packBase(folder, [node, cli])];
  // From here and not from a registry: what the lock file has checked, and without a network.
  for (const name of ["zod", "fflate", "semver"]) {
    const { stdout } = await run(node, [cli, "pack", join(ROOT, "node_modules", name), "--ignore-scripts"], {
      cwd: folder,
    });
    packed.push(join(folder, stdout.trim().split("\n").at(-1) ?? ""));
  }
  await writeFile(join(outside, "package.json"), '{ "name": "outside", "private": true, "type": "module" }');
  await run(node, [cli, "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", ...packed], {
    cwd: outside,
  });
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const PROGRAM = `
import { createServer } from "node:http";
import { createBase } from "@evenkeel/base";
const base = await createBase({ name: "shop", version: "1.0.0", services: { clock: { version: "1.0.0", service: { now: () => 7 } } } });
for (const { path, digest } of JSON.parse(process.argv[2]))
  await base.perform("install", { operationId: path, bundle: { path, digest }, activate: true, replace: true, publish: { tags: {} } });
const server = createServer((request, response) => {
  if (!base.handle(request, response)) response.end("of the base");
}).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const answers = [];
for (const path of ["inline", "worker", ""])
  answers.push(await (await fetch(\`http://127.0.0.1:\${server.address().port}/\${path}\`)).text());
const blocked = await fetch(\`http://127.0.0.1:\${server.address().port}/spinning\`);
const { modules } = await base.perform("statistics", {});
let state;
do {
  state = base.report().modules.find(({ name }) => name === "spinning").state;
  await new Promise((resolve) => setTimeout(resolve, 20));
} while (state !== "broken");
console.log(JSON.stringify({ answers, blocked: blocked.status, state, measured: modules.map(({ name }) => name).sort() }));
server.closeAllConnections();
server.close();
await base.close();
`;

const CODE = `exports.activate = ({ service }) => {
  const clock = service("clock");
  return { routes: (request, response) => response.end("now " + clock.now()) };
};`;
const IN_THREAD = `exports.activate = () => ({ routes: (request, response) => response.end("thread " + require("node:worker_threads").threadId) });`;
const SPINNING = "exports.activate = () => ({ routes: () => { for (;;) Math.sqrt(2); } });";

test("the packed base runs in an outside project of plain JavaScript: inline, in a thread, and with its watchdog", async () => {
  const blockMs = { most: 200, action: "eject" as const };
  const bundles = [
    bundleOf(
      {
        ...{ name: "inline", version: "1.0.0", provides: { routes: [{ path: "/inline" }] } },
        needs: { services: { clock: {} } },
      },
      CODE,
    ),
    bundleOf(
      { name: "worker", version: "1.0.0", isolation: "worker", provides: { routes: [{ path: "/worker" }] } },
      IN_THREAD,
    ),
    bundleOf(
      { name: "spinning", version: "1.0.0", limits: { blockMs }, provides: { routes: [{ path: "/spinning" }] } },
      SPINNING,
    ),
  ];
  const given = [];
  for (const { name, bytes, object } of bundles) {
    const path = join(folder, `${name}.jar`);
    await writeFile(path, bytes);
    given.push({ path, digest: object.digest });
  }
  await writeFile(join(outside, "app.js"), PROGRAM);
  // Without its types being stripped for it: what is published is JavaScript.
  const { stdout } = await run(process.execPath, ["--no-strip-types", "app.js", JSON.stringify(given)], {
    cwd: outside,
  });
  expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toEqual({
    ...{ answers: ["now 7", expect.stringMatching(/^thread [1-9]/), "of the base"] },
    ...{ blocked: 500, state: "broken", measured: ["inline", "spinning", "worker"] },
  });
});

test("its declarations say to an outside TypeScript project what it takes and gives, and refuse what it does not", async () => {
  const good = `import { type Base, createBase } from "@evenkeel/base";
    const base: Base = await createBase({ name: "shop", version: "1.0.0" });
    const pid: number = base.report().pid;
    const { modules } = await base.perform("statistics", {});
    export const told: [number, string[]] = [pid, modules.map(({ name }) => name)];`;
  await writeFile(join(outside, "good.ts"), good);
  await writeFile(join(outside, "bad.ts"), good.replace('version: "1.0.0" }', "version: 1 }"));
  const strict = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--lib",
    "es2024,esnext.disposable",
  ];
  const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules/@types")];
  const check = (file: string) =>
    run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), ...strict, ...types, file], { cwd: outside });
  await expect(check("good.ts")).resolves.toMatchObject({ stdout: "" });
  await expect(check("bad.ts")).rejects.toMatchObject({ stdout: expect.stringContaining("TS2322") });
});
