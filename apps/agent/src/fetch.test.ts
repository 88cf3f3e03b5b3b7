import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestHost } from "./testing/agent-process.ts";
import { TestControlPlane } from "./testing/control-plane.ts";
import { ask, Fixture } from "./testing/fixture.ts";
import { bring, makeRevision, SERVER } from "./testing/package.ts";

const fixture = Fixture.forEachTest("127.0.41.1");

const SIZE = 4 * 1024 ** 2;
const objectsOf = (host: TestHost) => join(host.home, "agent", "objects");

test("a fetch that is cut at half goes on where it was: no byte crosses the wire twice", async () => {
  const { plane, host } = fixture;
  await host.start();
  const object = plane.putObject(randomBytes(SIZE));
  plane.cutObjectAt = SIZE / 2;
  const outcome = await plane.run("fetch-package", { objects: [object] });
  expect(outcome).toMatchObject({ kind: "succeeded", facts: { bytes: SIZE, wireBytes: SIZE } });
  expect(plane.objectBytes).toBeLessThan(1.1 * SIZE);
  expect(await plane.run("fetch-package", { objects: [object] })).toMatchObject({ facts: { wireBytes: 0 } });
});

test("a fetch whose agent is killed at half is brought to its end by the next agent, from the half", async () => {
  const { plane, host } = fixture;
  await host.start();
  const object = plane.putObject(randomBytes(SIZE));
  plane.cutObjectAt = SIZE / 2;
  plane.holdsObjects = true;
  const command = plane.command("fetch-package", { objects: [object] });
  plane.send({ kind: "command", command });
  const part = join(objectsOf(host), `${object.digest.replace(":", "-")}.part`);
  await expect.poll(async () => (await stat(part).catch(() => null))?.size ?? 0).toBe(SIZE / 2);
  await host.end("SIGKILL");
  plane.holdsObjects = false;
  await host.start();
  expect(await plane.outcomeOf(command.commandId)).toMatchObject({ kind: "succeeded", facts: { wireBytes: SIZE / 2 } });
  expect(plane.objectBytes).toBeLessThan(1.1 * SIZE);
});

test("bytes that are not those of the digest are refused and not kept", async () => {
  const { plane, host } = fixture;
  await host.start();
  const object = plane.putObject(randomBytes(1000));
  plane.objects.set(object.digest, randomBytes(1000));
  expect(await plane.run("fetch-package", { objects: [object] })).toMatchObject({
    kind: "failed",
    problem: { code: "OBJECT_CORRUPT", facts: { digest: object.digest } },
  });
  expect(await readdir(objectsOf(host))).toEqual([]);
});

test("a part that a power cut has damaged costs one more fetch, and no failure", async () => {
  const { plane, host } = fixture;
  await host.start();
  const bytes = randomBytes(1000);
  const object = plane.putObject(bytes);
  await plane.run("fetch-package", { objects: [plane.putObject(randomBytes(10))] });
  await writeFile(join(objectsOf(host), `${object.digest.replace(":", "-")}.part`), Buffer.alloc(500));
  expect(await plane.run("fetch-package", { objects: [object] })).toMatchObject({ kind: "succeeded" });
});

test("an object that the control plane does not have is told at once", async () => {
  const { plane, host } = fixture;
  await host.start();
  const object = plane.putObject(randomBytes(10));
  plane.objects.clear();
  expect(await plane.run("fetch-package", { objects: [object] })).toMatchObject({
    kind: "failed",
    problem: { code: "FETCH_FAILED" },
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("skipped: a full disk at the host: mounting a small tmpfs needs root");

test.skipIf(!isRoot)(
  "a full disk is told with the free bytes, leaves no junk, and the old version still serves",
  async () => {
    const plane = await TestControlPlane.start();
    const mount = await mkdtemp(join(tmpdir(), "evenkeel-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", mount]);
    const host = new TestHost(mount, "127.0.41.2", [plane]);
    try {
      await host.start();
      const old = await makeRevision(plane);
      await bring(plane, old);
      const start = await plane.run("start-instance", { letter: "a", revisionId: old.revisionId });
      expect(start.kind).toBe("succeeded");
      const { health } = old.configuration;
      await plane.run("await-health", { letter: "a", health, minimumHealthyMs: 0 });

      const tooLarge = plane.putObject(randomBytes(15 * 1024 ** 2));
      const refused = await plane.run("fetch-package", { objects: [tooLarge] });
      expect(refused).toMatchObject({
        kind: "failed",
        problem: { code: "DISK_FULL", facts: { neededBytes: 15 * 1024 ** 2 } },
      });
      expect(JSON.stringify(refused)).toMatch(/"freeBytes":[1-9]/);

      // Small on the wire, large on the disk: noticed while it is unpacked, and taken away again.
      const bomb = await makeRevision(plane, { files: { "server.js": SERVER, zeros: "\0".repeat(15 * 1024 ** 2) } });
      await plane.run("fetch-package", bomb.fetch);
      expect(await plane.run("stage-revision", bomb.stage)).toMatchObject({ problem: { code: "DISK_FULL" } });
      const folder = join(mount, "agent", "revisions", plane.slot, bomb.revisionId);
      expect(await readdir(folder).catch(() => [])).not.toContain("app");

      execFileSync("sh", ["-c", `cat /dev/zero >'${join(mount, "fill")}' 2>/dev/null; true`]);
      const { facts } = start as unknown as { facts: { address: string; port: number; pid: number } };
      expect((await ask(facts)).pid).toBe(facts.pid);
      expect(await plane.run("start-instance", { letter: "b", revisionId: old.revisionId })).toMatchObject({
        kind: "failed",
        problem: { code: "DISK_FULL" },
      });
      expect(await plane.run("stop-instance", { letter: "a", stopMs: 2000 })).toMatchObject({
        kind: "succeeded",
        facts: { how: "TERM" },
      });
      await rm(join(mount, "fill"));
      expect(await plane.run("start-instance", { letter: "a", revisionId: old.revisionId })).toMatchObject({
        kind: "succeeded",
      });
    } finally {
      await host.end("SIGKILL");
      await host.disposeProcesses(plane.hostId);
      execFileSync("umount", ["-l", mount]);
      await rm(mount, { recursive: true, force: true });
      await plane.close();
    }
  },
);
