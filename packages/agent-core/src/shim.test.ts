import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, killIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Launch, launch, readRecord, voidIntent, writeIntent } from "./shim.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel shim "));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function options(intent: string, command: Launch["command"]): Launch {
  const output = join(folder, "output");
  return {
    folder,
    intent,
    command,
    workFolder: "/",
    env: { PATH: "/nowhere", A: "b c" },
    stdout: output,
    stderr: output,
  };
}

test("a process that was launched has the pid, start and boot that its record names, and the environment it was given", async () => {
  await writeIntent(folder, "one");
  const { record, child } = await launch(
    options("one", ["/bin/sh", "-c", 'echo "$PATH $A"; /bin/readlink /proc/$$/fd/9; exec /bin/sleep 60']),
  );
  expect(record.pid).toBe(child.pid);
  expect(isAlive(record)).toBe(true);
  await expect.poll(() => readFile(join(folder, "output"), "utf8")).toBe("/nowhere b c\n");
  killIdentity(record, "SIGKILL");
  expect(await waitGone(record, 5000)).toBe(true);
});

test("a shim that comes after its intent was voided starts nothing", async () => {
  await writeIntent(folder, "late");
  expect(await voidIntent(folder, "late")).toBeNull();
  await expect(launch(options("late", ["/bin/sh", "-c", "echo ran"]))).rejects.toMatchObject({
    code: "STEP_INTERRUPTED",
  });
  expect(await readRecord(folder)).toBeNull();
  expect(await readFile(join(folder, "output"), "utf8")).toBe("");
});

test("an intent that a newer one has replaced starts nothing", async () => {
  await writeIntent(folder, "old");
  await writeIntent(folder, "new");
  await expect(launch(options("old", ["/bin/true"]))).rejects.toMatchObject({ code: "STEP_INTERRUPTED" });
});

test("voiding an intent whose process was started answers its record and leaves it alone", async () => {
  await writeIntent(folder, "quick");
  const { record } = await launch(options("quick", ["/bin/sleep", "60"]));
  expect(await voidIntent(folder, "quick")).toEqual(record);
  expect(isAlive(record)).toBe(true);
  killIdentity(record, "SIGKILL");
});

test("of a shim and one who voids its intent at the same time exactly one wins", async () => {
  for (let round = 0; round < 10; round += 1) {
    const intent = `race-${round}`;
    await writeIntent(folder, intent);
    const started = launch(options(intent, ["/bin/sh", "-c", `echo ran-${round}`])).then(
      () => true,
      () => false,
    );
    const voided = (await voidIntent(folder, intent)) === null;
    const ran = await started;
    expect(ran).toBe(!voided);
    if (ran) await expect.poll(() => readFile(join(folder, "output"), "utf8")).toContain(`ran-${round}`);
    else expect(await readFile(join(folder, "output"), "utf8")).not.toContain(`ran-${round}`);
  }
});
