import { spawn } from "node:child_process";
import { once } from "node:events";
import { ownIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { expect, test } from "vitest";
import { usageOf } from "./usage.ts";

const MB = 1024 ** 2;

test("memory and processor time of a group are those of its processes together", async () => {
  const hungry = spawn(process.execPath, [
    "-e",
    `globalThis.all = Buffer.alloc(${80 * MB}, 1); console.log("fed"); setInterval(() => {}, 1000)`,
  ]);
  await once(hungry.stdout, "data");
  const one = readIdentity(hungry.pid ?? 0);
  if (one === null) throw new Error("it has gone");
  const alone = await usageOf([one]);
  expect(alone.memoryBytes).toBeGreaterThan(80 * MB);
  expect(alone.memoryBytes).toBeLessThan(400 * MB);
  expect(alone.cpuMs).toBeGreaterThan(0);
  const own = await usageOf([ownIdentity()]);
  const both = await usageOf([one, ownIdentity()]);
  expect(both.memoryBytes).toBeGreaterThan(Math.max(alone.memoryBytes, own.memoryBytes));
  hungry.kill("SIGKILL");
  await once(hungry, "close");
  expect(await usageOf([one])).toEqual({ memoryBytes: 0, cpuMs: 0 });
});
