import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { causesOf } from "@evenkeel/contracts/cause/find-causes";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { TestHost } from "./testing/agent-process.ts";
import { TestControlPlane } from "./testing/control-plane.ts";
import { Fixture } from "./testing/fixture.ts";
import { bring, makeRevision, type RevisionOptions, SERVER } from "./testing/package.ts";

// One host for all of them: what failed before is stopped, and leaves nothing behind.
const fixture = new Fixture();
beforeAll(async () => {
  fixture.plane = await TestControlPlane.start();
  fixture.host = await TestHost.create("127.0.40.9", fixture.plane);
  await fixture.host.start();
});
afterEach(async () => {
  await fixture.stop(100);
});
afterAll(async () => {
  await fixture.host.dispose(fixture.plane.hostId);
  await fixture.plane.close();
});

/** Every failure here is a real one: a process of a real agent ends, hangs or answers badly by itself. */
async function fail(options: RevisionOptions, startSeconds = 20): Promise<Outcome> {
  const { plane } = fixture;
  const revision = await makeRevision(plane, options);
  await bring(plane, revision);
  const { revisionId } = revision;
  const start = await plane.run("start-instance", { letter: "a", revisionId });
  return start.kind === "succeeded" ? await fixture.awaitHealth(revision, { startSeconds }) : start;
}

const first = (outcome: Outcome) => {
  const [cause] = causesOf(outcome);
  return { code: cause?.code, certainty: cause?.certainty, title: cause?.title, line: cause?.line };
};

const app = (text: string, more: RevisionOptions = {}): RevisionOptions => ({ files: { "server.js": text }, ...more });
const shell = (start: string, env: Record<string, string> = {}): RevisionOptions => ({ configuration: { start, env } });
const script = (text: string, mode = 0o755): RevisionOptions => ({
  files: { "bin/run": { text, mode } },
  configuration: { start: "./bin/run" },
});

/** An ELF header of a machine that this host is not; the rest of the program is of no interest to exec. */
const elfOf = (machine: number): string => {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  header.set([2, 1, 1], 4);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  return header.toString("latin1");
};
const foreignMachine = process.arch === "arm64" ? 62 : 183;

type Row = readonly [name: string, options: RevisionOptions, code: string, told: string];

const python = "/usr/bin/python3";
const missingInPython: Row = [
  "a variable in a stack trace",
  shell(`${python} -c "import os; os.environ['DATABASE_URL']"`),
  "PARAMETER_MISSING",
  "DATABASE_URL",
];

const ended: readonly Row[] = [
  ["a command that is not there", shell("no-such-program --port {port}"), "COMMAND_NOT_FOUND", "no-such-program"],
  [
    "a command inside a script",
    script("#!/bin/sh\nno-such-tool --now || exit 1\n"),
    "COMMAND_NOT_FOUND",
    "no-such-tool",
  ],
  [
    "an interpreter that is not there",
    script("#!/opt/none/bin/ruby\nputs 1\n"),
    "INTERPRETER_MISSING",
    "/opt/none/bin/ruby",
  ],
  [
    "one that env does not find",
    script("#!/usr/bin/env no-such-ruby\nputs 1\n"),
    "INTERPRETER_MISSING",
    "no-such-ruby",
  ],
  ["a file without the right to run", script("#!/bin/sh\nexit 0\n", 0o644), "NOT_EXECUTABLE", "./bin/run"],
  ["a program of another architecture", script(elfOf(foreignMachine)), "WRONG_ARCHITECTURE", "./bin/run"],
  ["a module that is not in the package", app('require("no-such-module");'), "MODULE_MISSING", "no-such-module"],
  ["a syntax error", app("const const = 1;"), "SYNTAX_ERROR", "syntax error"],
  ["a parameter that a shell misses", shell("sh -uc 'echo $DATABASE_URL'"), "PARAMETER_MISSING", "DATABASE_URL"],
  ...(existsSync(python) ? [missingInPython] : []),
  [
    "a parameter that is empty and named",
    {
      ...app('if (!process.env.DB_HOST) throw new Error("DB_HOST is required");'),
      configuration: { env: { DB_HOST: "" } },
    },
    "PARAMETER_EMPTY",
    "DB_HOST",
  ],
  [
    "a parameter that is empty and not named",
    { ...app("process.exit(3)"), configuration: { env: { DB_HOST: "" } } },
    "PARAMETER_EMPTY",
    "DB_HOST",
  ],
  [
    "a value with a carriage return from a file of settings",
    {
      files: {
        "app.properties": "port=80\r\n",
        "bin/run": { text: '#!/bin/sh\n. ./app.properties\nexec node -e "process.exit(9)"\n', mode: 0o755 },
      },
      configuration: { start: "./bin/run" },
    },
    "CARRIAGE_RETURN_IN_CONFIGURATION",
    "app.properties",
  ],
  [
    "a script with Windows line ends that a script runs",
    {
      files: {
        "bin/run": { text: "#!/bin/sh\nexec ./bin/inner\n", mode: 0o755 },
        "bin/inner": { text: "#!/usr/bin/env node\r\n1;\r\n", mode: 0o755 },
      },
      configuration: { start: "./bin/run" },
    },
    "CARRIAGE_RETURN",
    "CRLF",
  ],
  ["a database that is not there", app('require("net").connect(1, "127.0.0.1");'), "DEPENDENCY_REFUSED", "127.0.0.1:1"],
  [
    "a name that nobody knows",
    app('require("dns").lookup("db.invalid", (e) => { throw e; });'),
    "NAME_UNKNOWN",
    "db.invalid",
  ],
  ["a file that is not there", app('require("fs").readFileSync("settings.json");'), "FILE_MISSING", "settings.json"],
  [
    "a heap that is too small",
    shell('node --max-old-space-size=16 -e "const a = []; for (;;) a.push({ n: [1, 2, 3] })"'),
    "MEMORY_EXHAUSTED",
    "memory",
  ],
  ["a kill from outside", shell("kill -9 $$"), "KILLED", "SIGKILL"],
  ["a crash of native code", shell("kill -SEGV $$"), "CRASHED", "SIGSEGV"],
];

test.each(ended)("%s is told as the cause", async (...[, options, code, told]) => {
  const outcome = await fail(options);
  expect(outcome.kind).toBe("failed");
  expect(first(outcome)).toMatchObject({ code, title: expect.stringContaining(told) });
  expect(outcome).toMatchObject({ evidence: { command: expect.any(String) } });
});

test("a value that ends with a carriage return is told as such where the output shows it", async () => {
  const text = 'throw new Error("not a port: " + JSON.stringify("8080\\r"));';
  expect(first(await fail(app(text)))).toMatchObject({
    code: "CARRIAGE_RETURN_IN_CONFIGURATION",
    certainty: "likely",
    line: 'Error: not a port: "8080\\r"',
  });
});

test("settings in another encoding are told where nothing better is known", async () => {
  const files = { "server.js": "process.exit(3)", "conf/app.properties": "\ufeffname=x\n" };
  expect(first(await fail({ files }))).toMatchObject({
    code: "WRONG_ENCODING",
    certainty: "possible",
    title: "conf/app.properties in the package is not UTF-8.",
  });
});

const health = (path: string) => ({ health: { path, startSeconds: 1, intervalSeconds: 0.2 } });
const answering = (status: number): string =>
  SERVER.replace(/response\.statusCode = [^;]*;/, `response.statusCode = ${status};`);
const SILENT_HTTP = 'require("http").createServer(() => {}).listen(Number(process.env.PORT), process.env.HOST);';

const unhealthy: readonly Row[] = [
  [
    "a health address that is not there",
    app(answering(404), { configuration: health("/health") }),
    "HEALTH_PATH_WRONG",
    "/health",
  ],
  ["one that says broken", app(answering(503), { configuration: health("/healthz") }), "HEALTH_SAYS_BROKEN", "503"],
  [
    "one that wants a login",
    app(answering(401), { configuration: health("/healthz") }),
    "HEALTH_WANTS_LOGIN",
    "/healthz",
  ],
  ["one that leads elsewhere", app(answering(302), { configuration: health("/healthz") }), "HEALTH_REDIRECTS", "302"],
  [
    "another status than the wanted",
    app(answering(204), { configuration: health("/healthz") }),
    "HEALTH_STATUS_OTHER",
    "204",
  ],
  [
    "an application that listens nowhere",
    app("setInterval(() => {}, 1000)", { configuration: health("/") }),
    "NOT_LISTENING",
    "no port",
  ],
  [
    "one that listens elsewhere",
    app(SERVER, { configuration: { ...health("/"), env: { LISTEN: "127.0.0.1" } } }),
    "LISTENS_ELSEWHERE",
    "127.0.0.1:",
  ],
  [
    "one that takes connections and says nothing",
    app(SILENT_HTTP, { configuration: health("/") }),
    "HEALTH_SILENT",
    "no answer",
  ],
];

test.each(unhealthy)("of health: %s is told apart", async (...[, options, code, told]) => {
  const outcome = await fail(options, 3);
  expect(outcome.kind).toBe("timed-out");
  expect(first(outcome)).toMatchObject({ code, certainty: "certain", title: expect.stringContaining(told) });
});

test("a port that an instance of a neighbour has is told with its name", async () => {
  const { plane } = fixture;
  const neighbour = await makeRevision(plane);
  await bring(plane, neighbour);
  const { port } = await fixture.startHealthy(neighbour, "b");
  try {
    const outcome = await fail({ configuration: { port } });
    expect(outcome).toMatchObject({ problem: { code: "PORT_TAKEN" } });
    expect(first(outcome)).toMatchObject({
      code: "PORT_OF_NEIGHBOUR",
      title: `Port ${port} belongs to an instance of shop on the same host.`,
    });
  } finally {
    await fixture.stop(100, "b");
  }
});

test("a port that somebody else has, and one that the application opens beside its own", async () => {
  const stranger = createServer().listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const { port } = stranger.address() as { port: number };
  try {
    const own = await fail(app(`require("net").createServer().listen(${port}, "127.0.0.1")`));
    // The agent looked who has the instance's port and found nobody: it was another one.
    expect(causesOf(own).map(({ code }) => code)).toContain("PORT_TAKEN");
  } finally {
    stranger.close();
  }
});

test("the causes of scripts: a question that nobody answers, one that hangs, and a full disk", async () => {
  const { plane } = fixture;
  const run = (text: string, deadlineMs = 30_000) =>
    plane.run("run-script", { revisionId: null, command: ["/bin/sh", "-c", text] }, { deadlineMs });
  const asks = await run("printf 'Overwrite it? [y/N]'; sleep 60", 1500);
  expect(first(asks)).toMatchObject({ code: "WAITS_FOR_INPUT", line: "Overwrite it? [y/N]" });
  const hangs = await run("echo waiting for the lock; sleep 60", 1500);
  expect(first(hangs)).toMatchObject({ code: "SCRIPT_HANGS", line: "waiting for the lock" });
  const full = await run("echo x | cat >/dev/full");
  expect(first(full)).toMatchObject({ code: "DISK_FULL", certainty: "likely" });
  const files = await run("ulimit -n 3; exec 3</dev/null");
  expect(causesOf(files).map(({ code }) => code)).toContain("FILES_EXHAUSTED");
});

test("a script that is cut off together with what would tell its end has been cut off", async () => {
  const command = ["/bin/sh", "-c", "echo began; kill -9 $PPID $$"];
  const outcome = await fixture.plane.run("run-script", { revisionId: null, command });
  expect(outcome).toMatchObject({ kind: "interrupted" });
  expect(first(outcome)).toMatchObject({ code: "CUT_OFF", certainty: "certain" });
});

// Of control groups of version 1, which this machine lets its root make.
const memoryGroup = "/sys/fs/cgroup/memory";
const mayLimit = process.getuid?.() === 0 && existsSync(`${memoryGroup}/memory.limit_in_bytes`);

test.runIf(mayLimit)("a process that the kernel ends for want of memory is told as that", async () => {
  const group = join(memoryGroup, `test-cause-${process.pid}`);
  await mkdir(group);
  try {
    await writeFile(join(group, "memory.limit_in_bytes"), "32M");
    const greedy = "const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1));";
    const outcome = await fail(shell(`echo $$ >'${group}/cgroup.procs'; exec node -e '${greedy}'`));
    expect(first(outcome)).toMatchObject({ code: "MEMORY_KILLED", certainty: "certain" });
  } finally {
    await expect.poll(() => rmdir(group).then(() => "gone"), { timeout: 10_000 }).toBe("gone");
  }
});

test("a package whose bits are damaged on the host cannot be read", async () => {
  const { plane, host } = fixture;
  const revision = await makeRevision(plane);
  expect(await plane.run("fetch-package", revision.fetch)).toMatchObject({ kind: "succeeded" });
  const [pkg] = revision.fetch.objects;
  const objects = join(host.home, "agent", "objects");
  const names = await readdir(objects, { recursive: true });
  const name = names.find((one) => one.includes(pkg?.digest.slice(7) ?? "none"));
  await writeFile(join(objects, name ?? ""), "no archive");
  const outcome = await plane.run("stage-revision", revision.stage);
  expect(first(outcome)).toMatchObject({ code: "PACKAGE_UNREADABLE", certainty: "certain" });
});

test("a clock that is an hour off is told where nothing better is known", async () => {
  const { plane } = fixture;
  const serverAt = new Date(Date.now() - 3_600_000).toISOString();
  // As many as are remembered: one alone might be late.
  for (let beat = 0; beat < 15; beat += 1) plane.send({ kind: "heartbeat", serverAt });
  expect(first(await fail(app("process.exit(3)")))).toMatchObject({
    code: "CLOCK_SKEWED",
    title: "The clock of this host is 3600 s away from the control plane's.",
  });
});

test("an application that becomes healthy, whatever it prints meanwhile, has no cause", async () => {
  const words = ["ENOSPC", "Permission denied", "KeyError: 'DATABASE_URL'", "sh: 1: x: not found"];
  const outcome = await fail(app(`console.error(${JSON.stringify(words.join("\n"))});\n${SERVER}`));
  expect(outcome.kind).toBe("succeeded");
  expect(causesOf(outcome)).toEqual([]);
});
