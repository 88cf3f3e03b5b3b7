import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import {
  findByEnvironment,
  isAlive,
  killIdentity,
  ownIdentity,
  type ProcessIdentity,
  readIdentity,
  waitGone,
} from "./process-identity.ts";

function start(environment: Record<string, string> = {}): { identity: ProcessIdentity; exited: Promise<unknown> } {
  const child = spawn("sleep", ["1000"], { stdio: "ignore", env: { ...process.env, ...environment } });
  const exited = once(child, "exit");
  const identity = readIdentity(child.pid ?? 0);
  if (identity === null) throw new Error("sleep did not start");
  return { identity, exited };
}

test("a process is alive until it was killed, and its signal then reaches nobody", async () => {
  const { identity, exited } = start();
  expect(isAlive(identity)).toBe(true);
  expect(killIdentity(identity, "SIGKILL")).toBe(true);
  expect(await waitGone(identity, 5000)).toBe(true);
  await exited;
  expect(isAlive(identity)).toBe(false);
  expect(killIdentity(identity, "SIGKILL")).toBe(false);
});

test("a process with the same pid but another start or another boot is somebody else and is not hit", async () => {
  const { identity, exited } = start();
  const later = { ...identity, startTicks: identity.startTicks + 1 };
  const otherBoot = { ...identity, bootId: "00000000-0000-0000-0000-000000000000" };
  expect([isAlive(later), isAlive(otherBoot)]).toEqual([false, false]);
  expect([killIdentity(later, "SIGKILL"), killIdentity(otherBoot, "SIGKILL")]).toEqual([false, false]);
  expect(isAlive(identity)).toBe(true);
  killIdentity(identity, "SIGKILL");
  await exited;
});

test("a zombie is not alive", async () => {
  // The shell becomes a sleep, which never waits for the child that it inherits; that one ends after the exec.
  const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 1000"], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(String(line));
  const exited = once(parent, "exit");
  await expect.poll(() => readIdentity(pid), { timeout: 10_000 }).toBeNull();
  expect(() => process.kill(pid, 0)).not.toThrow();
  parent.kill("SIGKILL");
  await exited;
});

const python = spawnSync("python3", ["--version"]).status === 0;
if (!python) console.log("skipped: no python3, by which a process ends its first thread alone");

test.skipIf(!python)("a process whose first thread has ended lives as long as another thread of it does", async () => {
  // The first thread leaves by the system call of one thread (60 is exit on x86-64, 93 on arm64); the other one prints.
  const script = [
    "import ctypes, threading, time",
    "def other():",
    "    while open('/proc/self/stat').read().rsplit(')', 1)[1].split()[0] != 'Z': time.sleep(0.01)",
    "    print('alone', flush=True)",
    "    time.sleep(1000)",
    "threading.Thread(target=other, daemon=True).start()",
    `ctypes.CDLL(None).syscall(${process.arch === "arm64" ? 93 : 60}, 0)`,
  ].join("\n");
  const child = spawn("python3", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  const before = readIdentity(child.pid ?? 0);
  await once(child.stdout, "data");
  expect(readIdentity(child.pid ?? 0)).toEqual(before);
  const exited = once(child, "exit");
  expect(killIdentity(before as ProcessIdentity, "SIGKILL")).toBe(true);
  expect(await waitGone(before as ProcessIdentity, 5000)).toBe(true);
  await exited;
});

test("waiting for a process that lives on ends with false", async () => {
  expect(await waitGone(ownIdentity(), 20)).toBe(false);
});

test("a process that nobody recorded is found by a mark in its environment", async () => {
  const mark = { EVENKEEL_TEST_MARK: `mark = ${process.pid}`, EVENKEEL_TEST_ROLE: "sleeper" };
  const { identity, exited } = start(mark);
  const other = start({ ...mark, EVENKEEL_TEST_ROLE: "another" });
  await expect.poll(() => findByEnvironment(mark), { timeout: 10_000 }).toEqual([identity]);
  killIdentity(identity, "SIGKILL");
  killIdentity(other.identity, "SIGKILL");
  await Promise.all([exited, other.exited]);
  expect(findByEnvironment(mark)).toEqual([]);
});

test("names with blanks and brackets do not disturb the reading of a start time", async () => {
  const script =
    'require("fs").writeFileSync("/proc/self/comm", ") S 1 (x"); setTimeout(() => {}, 1e6); console.log("named")';
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  const before = readIdentity(child.pid ?? 0);
  await once(child.stdout, "data");
  expect(readIdentity(child.pid ?? 0)).toEqual(before);
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
});
