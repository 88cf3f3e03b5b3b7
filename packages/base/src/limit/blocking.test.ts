import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { type Aftermath, BLOCKING_PROGRAM } from "./testing.ts";

interface Ran {
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
  readonly aftermath: Aftermath | null;
}

async function run(
  shape: string,
  more: { stuckSeconds?: number; flags?: string[]; action?: string } = {},
): Promise<Ran> {
  const { stuckSeconds = 60, flags = [], action = "eject" } = more;
  const args = [...flags, BLOCKING_PROGRAM, shape, action, String(stuckSeconds)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 110_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += String(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += String(chunk);
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.once("close", (_, by) => resolve(by)));
  const last = output.trim().split("\n").at(-1);
  return { signal, errors, aftermath: last ? (JSON.parse(last) as Aftermath) : null };
}

test.each([
  ["a handler", "handler", 500],
  ["a listener of its request", "listener", 500],
  ["a timer", "timer", 503],
  ["an immediate", "immediate", 503],
  ["a tick", "tick", 503],
  ["a synchronous call of another inside a timer", "call in a timer", 503],
  ["a loop that catches everything", "swallowing", 500],
  ["a regular expression", "pattern", 500],
])(
  "a module that blocks the loop in %s is named with function and line, interrupted and ejected",
  async (_, shape, status) => {
    const { aftermath } = await run(shape);
    expect(aftermath).toMatchObject({ answer: status, neighbour: "calm", state: "broken", inFlight: 0 });
    expect(aftermath?.problem?.code).toBe("MODULE_BLOCKED");
    expect(aftermath?.problem?.facts.frame).toMatch(/^(spin|routes) \(module:spinning@1\.0\.0\/index\.js:\d+:\d+\)$/);
  },
  120_000,
);

test("who stands behind one that is interrupted is answered without another spin", async () => {
  const { aftermath } = await run("crowd");
  expect(aftermath).toMatchObject({ answer: 500, neighbour: "calm", state: "broken", inFlight: 0, entered: 1 });
}, 120_000);

test.each(["load", "activate"])(
  "one that blocks in its %s is refused with the place where it blocked",
  async (shape) => {
    const { aftermath } = await run(shape);
    expect(aftermath).toMatchObject({ answer: 0, neighbour: "calm", state: "broken" });
    expect(aftermath?.problem?.code).toBe("MODULE_BLOCKED");
    expect(aftermath?.problem?.facts.frame).toMatch(/^spin \(module:spinning@1\.0\.0\/index\.js:\d+:\d+\)$/);
  },
  120_000,
);

test("one that blocks in a promise job is interrupted where the process was started for it", async () => {
  const { aftermath, errors } = await run("promise", { flags: ["--no-force-async-hooks-checks"] });
  expect(aftermath).toMatchObject({ answer: 503, neighbour: "calm", state: "broken" });
  expect(errors).toContain("BASE_INTERRUPTED spinning@1.0.0: spin (module:spinning@1.0.0/index.js:1:");
}, 120_000);

test("one that may go on is told apart from those that wait for it: they are answered, and what it had called is left", async () => {
  const flags = ["--no-force-async-hooks-checks"];
  const { aftermath } = await run("call in a promise", { flags, action: "throttle" });
  expect(aftermath).toMatchObject({ answer: 503, neighbour: "calm", state: "active", inFlight: 0 });
  expect(aftermath?.problem?.code).toBe("MODULE_BLOCKED");
}, 120_000);

test.each([
  ["a promise job, without that", "promise", "spinning@1.0.0: spin (module:spinning@1.0.0/index.js:1:"],
  ["native work", "native", "in spinning@1.0.0: native code"],
  ["a loop that only fills arrays", "filling", "in spinning@1.0.0: "],
])(
  "what nothing in the process can stop ends it, with its name: %s",
  async (_, shape, where) => {
    const { signal, errors } = await run(shape, { stuckSeconds: 3 });
    expect(signal).toBe("SIGKILL");
    expect(errors).toContain("BASE_MUST_RESTART");
    expect(errors).toContain(where);
  },
  120_000,
);

test.each([
  ["objects", "allocating"],
  ["buffers, which lie outside the heap", "buffers"],
])(
  "a thread that allocates %s without end is ended long before V8 ends the process, and its neighbour notices nothing",
  async (_, shape) => {
    const { signal, errors, aftermath } = await run(shape);
    expect(signal).toBeNull();
    expect(aftermath).toMatchObject({ answer: 503, neighbour: "calm" });
    expect(errors).toMatch(/its heap had \d+ MB, twice its limit/);
    expect(aftermath).toMatchObject({ state: "broken", problem: { code: "MODULE_OVER_LIMIT" } });
  },
  120_000,
);
