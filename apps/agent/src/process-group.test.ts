import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { bootId, readIdentity } from "@evenkeel/kit/process-identity";
import { afterEach, expect, test } from "vitest";
import { collectControlGroups, findParents, makeControlGroup, removeControlGroup } from "./control-group.ts";
import { type Group, killGroup, membersOf, membersOfEach, waitGroupGone } from "./process-group.ts";

const groups: Group[] = [];
afterEach(async () => {
  for (const group of groups.splice(0)) await killGroup(group, 5000);
});

function groupOf(record: Group["record"] = null): Group {
  const group = { marker: { name: "EVENKEEL_INSTANCE", value: randomUUID() } as const, record };
  groups.push(group);
  return group;
}

function run(script: string, group: Group, environment: Record<string, string> = {}) {
  const env = { PATH: process.env.PATH, [group.marker.name]: group.marker.value, ...environment };
  return spawn("/bin/sh", ["-c", script], { env, stdio: "ignore", detached: true });
}

function recordOf(pid: number, cgroup = ""): NonNullable<Group["record"]> {
  const identity = readIdentity(pid);
  if (identity === null) throw new Error("the process is not there");
  return { ...identity, intent: "test", cgroup };
}

test("the marker finds a child that has left session and parent, and kills it", async () => {
  const group = groupOf();
  run("(setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' &) & exit 0", group);
  await expect.poll(() => membersOf(group).length).toBeGreaterThan(0);
  expect(await killGroup(group, 5000)).toEqual([]);
  expect(membersOf(group)).toEqual([]);
});

test("one look tells several groups apart, also by a marker that stands first in the environment", async () => {
  const [one, other, nobody] = [groupOf(), groupOf(), groupOf()];
  const [child, second] = [run("sleep 100 & wait", one), run("exec sleep 100", other)];
  const bare = spawn("/bin/sh", ["-c", "exec sleep 100"], {
    env: { [other.marker.name]: other.marker.value },
    stdio: "ignore",
  });
  const pids = () => membersOfEach([one, other, nobody]).map((members) => members.map(({ pid }) => pid));
  await expect.poll(() => pids().map(({ length }) => length)).toEqual([2, 2, 0]);
  expect(pids()[0]).toContain(child.pid);
  expect(pids()[1]).toEqual(expect.arrayContaining([second.pid, bare.pid]));
});

test("the session finds a child that has thrown its environment away", async () => {
  const bare = groupOf();
  const child = run("env -i sleep 100 & wait", bare);
  const group = groupOf(recordOf(child.pid ?? 0));
  // Under another marker, so that only the session can find anything.
  await expect.poll(() => membersOf(group).length).toBe(2);
  await killGroup(group, 5000);
  expect(await waitGroupGone(bare, 1000)).toBe(true);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("skipped: a child without environment and session: making a control group needs root");

test.skipIf(!isRoot)("the control group finds a child that has left environment, session and parent", async () => {
  const file = makeControlGroup(`test-${randomUUID()}`);
  if (file === undefined) throw new Error("root can make a control group on this machine");
  const bare = groupOf();
  const child = run(`echo $$ >${file}; (env -i setsid sleep 100 &) & exec sleep 100`, bare);
  const group = groupOf(recordOf(child.pid ?? 0, dirname(file)));
  await expect.poll(() => membersOf(group).length).toBe(2);
  await killGroup(group, 5000);
  expect(membersOf(group)).toEqual([]);
  await expect.poll(() => tryRemove(dirname(file))).toBe(true);
});

test.skipIf(!isRoot)(
  "empty groups that a killed agent has left are collected, inhabited and foreign new ones stay",
  async () => {
    const [host, other] = [`host_${randomUUID()}`, `host_${randomUUID()}`];
    const [empty, lived, foreign] = [`${host}-left-a`, `${host}-lived-a`, `${other}-new-a`].map((name) => {
      const file = makeControlGroup(name);
      if (file === undefined) throw new Error("root can make a control group on this machine");
      return file;
    }) as [string, string, string];
    const child = run(`echo $$ >${lived}; exec sleep 100`, groupOf());
    await expect.poll(() => readFileSync(lived, "utf8")).toBe(`${child.pid}\n`);
    collectControlGroups(host);
    expect([empty, lived, foreign].map(existsSync)).toEqual([false, true, true]);
    await killGroup(groupOf(recordOf(child.pid ?? 0, dirname(lived))), 5000);
    await expect.poll(() => tryRemove(dirname(lived))).toBe(true);
    removeControlGroup(dirname(foreign));
  },
);

/** A control group can be removed as soon as nothing is left in it. */
function tryRemove(folder: string): boolean {
  removeControlGroup(folder);
  try {
    mkdirSync(folder);
  } catch {
    return false;
  }
  rmdirSync(folder);
  return true;
}

test("a stranger that got the pid of a record from another boot is left alone", () => {
  const group = groupOf({ ...recordOf(process.pid), bootId: `${bootId()}-before` });
  expect(membersOf(group)).toEqual([]);
});

test("the own control groups are found on hosts of version 1, version 2 and in containers", () => {
  const mount = (root: string, point: string, type: string) =>
    `30 20 0:26 ${root} ${point} rw,nosuid - ${type} ${type} rw,${point.split("/").at(-1)}`;
  expect(findParents("0::/user.slice/agent\n", mount("/", "/sys/fs/cgroup", "cgroup2"))).toEqual([
    "/sys/fs/cgroup/user.slice/agent",
  ]);
  const first = [mount("/", "/sys/fs/cgroup/pids", "cgroup"), mount("/", "/sys/fs/cgroup/memory", "cgroup")];
  expect(findParents("8:pids:/a\n4:memory:/b\n", first.join("\n"))).toEqual(["/sys/fs/cgroup/pids/a"]);
  expect(findParents("0::/docker/x/app\n", mount("/docker/x", "/sys/fs/cgroup", "cgroup2"))).toEqual([
    "/sys/fs/cgroup/app",
  ]);
});

test("a group is gone when the last thread has let go of its port: a successor can take it at once", async () => {
  const heavy = Array.from({ length: 12 }, async () => {
    const script = `
      const held = Array.from({ length: 40 }, () => Buffer.alloc(4e6, 1));
      require("node:http").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port); });
    `;
    const group = groupOf();
    const env = { PATH: process.env.PATH, [group.marker.name]: group.marker.value };
    const child = spawn(process.execPath, ["-e", script], { env, stdio: ["ignore", "pipe", "ignore"], detached: true });
    const port = Number(String((await once(child.stdout, "data"))[0]));
    const named = { ...group, record: recordOf(child.pid ?? 0) };
    expect(await killGroup(named, 20_000)).toEqual([]);
    const successor = createServer().listen(port, "127.0.0.1");
    await once(successor, "listening");
    successor.close();
  });
  await Promise.all(heavy);
});
