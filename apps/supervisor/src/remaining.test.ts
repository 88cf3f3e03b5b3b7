import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Home, openHome } from "./home.ts";
import { endRemaining } from "./remaining.ts";

let home: Home;
const children: ChildProcess[] = [];

beforeEach(async () => {
  home = await openHome(mkdtempSync(join(tmpdir(), "remaining-")));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(home.folder, { recursive: true, force: true });
});

async function start(environment: Record<string, string>): Promise<ChildProcess> {
  const child = spawn("sleep", ["1000"], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: "ignore",
    detached: true,
  });
  children.push(child);
  await once(child, "spawn");
  return child;
}

test("what the agents of this home left running is ended, and nothing else", async () => {
  mkdirSync(home.agentFolder("local-2"));
  writeFileSync(
    join(home.agentFolder("local-2"), "credential.json"),
    JSON.stringify({ hostId: "host_ours", credential: "x" }),
  );
  const application = await start({ EVENKEEL_INSTANCE: "host_ours:svc_1:a" });
  const script = await start({ EVENKEEL_SCRIPT: "host_ours:cmd_1" });
  const foreign = await start({ EVENKEEL_INSTANCE: "host_theirs:svc_1:a" });
  const shell = await start({ EVENKEEL_HOME: home.folder });
  const ended = [once(application, "exit"), once(script, "exit")];
  expect(await endRemaining(home)).toBe(2);
  await Promise.all(ended);
  expect([foreign.exitCode, foreign.signalCode, shell.exitCode, shell.signalCode]).toEqual([null, null, null, null]);
});

test("nobody else can look into a home; sockets of one with a long path get a short folder that is closed too", async () => {
  expect(home.socketFolder).toBe(join(home.folder, "run"));
  expect(statSync(home.folder).mode & 0o777).toBe(0o700);
  const deep = await openHome(join(home.folder, "d".repeat(90)));
  expect(deep.socketFolder.startsWith(deep.folder)).toBe(false);
  expect(statSync(deep.socketFolder).mode & 0o777).toBe(0o700);
  expect(Buffer.byteLength(deep.handoverSocket)).toBeLessThanOrEqual(107);
  rmSync(deep.socketFolder, { recursive: true });
});
