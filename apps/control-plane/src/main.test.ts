import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type MigratedDatabase, migratedDatabase } from "./testing.ts";

const TOKEN = "the-token-in-the-file-of-the-first-boot";
let database: MigratedDatabase;
let folder: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  database = await migratedDatabase();
  folder = await mkdtemp(join(tmpdir(), "evenkeel-main-"));
  await writeFile(join(folder, "token"), TOKEN);
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

interface Line {
  readonly msg: string;
  readonly code?: string;
  readonly url?: string;
}

function run(settings: Record<string, string> = {}): {
  child: ChildProcess;
  line(text: RegExp): Promise<Line>;
  exit: Promise<unknown>;
} {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      EVENKEEL_PORT: "0",
      EVENKEEL_OBJECTS: join(folder, "objects"),
      EVENKEEL_BOOTSTRAP_TOKEN_FILE: join(folder, "token"),
      ...settings,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  started.push(child);
  const lines: string[] = [];
  const reader = createInterface(child.stderr!);
  reader.on("line", (line) => lines.push(line));
  const exit = once(child, "exit").then(([code]) => code);
  const line = async (text: RegExp): Promise<Line> => {
    await expect.poll(() => lines.some((each) => text.test(each)), { timeout: 30_000 }).toBe(true);
    return JSON.parse(lines.find((each) => text.test(each))!);
  };
  return { child, line, exit };
}

const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };

async function create(url: string, name: string): Promise<{ status: number; id: string } | null> {
  try {
    const response = await fetch(`${url}/api/v1/applications`, {
      method: "POST",
      headers: { ...headers, "idempotency-key": name },
      body: JSON.stringify({ name }),
    });
    return { status: response.status, id: ((await response.json()) as { id: string }).id };
  } catch {
    return null;
  }
}

test("it serves with the token of the file, and ends with 0 when it is asked to", async () => {
  const { child, line, exit } = run();
  const { url } = await line(/"serving"/);
  expect((await fetch(`${url}/api/v1/me`, { headers })).status).toBe(200);
  child.kill("SIGTERM");
  expect(await exit).toBe(0);
  expect(await database.db.selectFrom("replica").select("id").execute()).toEqual([]);
});

test.each([
  ["a port that is none", { EVENKEEL_PORT: "many" }, "SETTING_INVALID"],
  ["no database", { DATABASE_URL: "" }, "SETTING_INVALID"],
  ["a token that is too short", { EVENKEEL_BOOTSTRAP_TOKEN_FILE: "/dev/null" }, "SETTING_INVALID"],
  ["a database that is away", { DATABASE_URL: "postgres://nobody@/none?host=/nonexistent" }, "UNAVAILABLE"],
])("%s is told with its code, and the process ends with 1", async (_, settings, code) => {
  const { line, exit } = run(settings);
  expect(await line(/"fatal"/)).toMatchObject({ code });
  expect(await exit).toBe(1);
});

test("a second one on the same port says that it is taken", async () => {
  const first = run();
  const { url } = await first.line(/"serving"/);
  const second = run({ EVENKEEL_PORT: new URL(String(url)).port });
  expect(await second.line(/"fatal"/)).toMatchObject({ code: "PORT_TAKEN" });
  expect(await second.exit).toBe(1);
});

test("killed in the middle of creating, each effect is there once, and its key gets the answer from another process", async () => {
  const first = run();
  const { url } = await first.line(/"serving"/);
  const names = Array.from({ length: 60 }, (_, index) => `app-${index}`);
  const answers = names.map((name) => create(String(url), name));
  await Promise.any(answers);
  first.child.kill("SIGKILL");
  const before = await Promise.all(answers);
  expect(before).toContain(null);

  const second = run();
  const { url: next } = await second.line(/"serving"/);
  for (const [index, name] of names.entries()) {
    const answer = await create(String(next), name);
    expect(answer).toMatchObject({ status: 201 });
    if (before[index] !== null) expect(answer).toEqual(before[index]);
  }
  const done = await database.db.selectFrom("audit").select("resource").where("outcome", "=", "done").execute();
  expect(done.length).toBe(names.length);
  expect(new Set(done.map(({ resource }) => resource)).size).toBe(names.length);
});
