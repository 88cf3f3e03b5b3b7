import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { BaseBed } from "../testing.ts";
import { HEAP_PROGRAM, type Remains } from "./testing.ts";

async function run(flags: readonly string[], ...args: readonly string[]): Promise<Remains> {
  const child = spawn(process.execPath, [...flags, HEAP_PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += String(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += String(chunk);
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`ended with ${code}: ${errors.slice(-2000)}`);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as Remains;
}

const MOST_GROWTH_PERCENT = 5;

test("1,000 modules that opened a timer, sockets, a listener and a global leave heap and handles where they were", async () => {
  const remains = await run([], "1000");
  expect(remains.closed).toEqual(["timer", "listening socket", "socket", "listener", "global"]);
  expect(remains.growthPercent).toBeLessThan(MOST_GROWTH_PERCENT);
  expect(remains.handlesAfter).toEqual(remains.handlesBefore);
  expect(remains.globals).toEqual([]);
}, 300_000);

test("one leak put in on purpose makes that fail", async () => {
  expect((await run([], "300", "leak")).growthPercent).toBeGreaterThan(10 * MOST_GROWTH_PERCENT);
}, 300_000);

test("3,000 survive under a heap of 256 MB, with nobody to force a collection", async () => {
  expect((await run(["--max-old-space-size=256"], "3000", "unforced")).modules).toBe(3000);
}, 600_000);

test("an uninstall proves that its memory is free, or names what holds it", async () => {
  const kept: unknown[] = [];
  const cupboard = { version: "1.0.0", service: { put: (thing: unknown) => void kept.push(thing) } };
  await using bed = await BaseBed.open({ services: { cupboard } });
  const clean = { name: "clean", version: "1.0.0", needs: { services: { cupboard: {} } } };
  await bed.install(clean, "const own = []; setInterval(() => own.push(1), 1000); exports.activate = () => ({});");
  const { proof } = await bed.uninstall("clean", "1.0.0", "memory");
  expect(proof).toMatchObject({ memory: "freed", heldBy: [], closed: [{ kind: "timer", count: 1 }], left: [] });
  const leak = "exports.activate = ({ service }) => { service('cupboard').put(function keeper() {}); };";
  await bed.install({ ...clean, name: "leaky" }, leak);
  const leaky = (await bed.uninstall("leaky", "1.0.0", "memory")).proof;
  expect(leaky.memory).toBe("held");
  expect(leaky.heldBy.join("\n")).toMatch(/keeper[\s\S]*Module_leaky_1_0_0$/);
}, 120_000);
