import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { HEAP_PROGRAM, type Remains } from "@evenkeel/base/heap/testing";
import { BaseBed } from "@evenkeel/base/testing";
import { median } from "../benchmark.ts";
import { MEMORY_PROGRAM } from "./memory.ts";

const CALLS = 5_000_000;
const ROUNDS = 9;

/** Own memory that each of so many modules adds to one base, which is a process of its own. */
export async function memoryPerModuleMb(count: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [MEMORY_PROGRAM, String(count)]);
  return Number(stdout.trim().split("\n").at(-1));
}

interface Counter {
  add(by: number): number;
}

/** A call through a reference, with the count of calls in flight, against the same method called on its object. */
export async function callRatio(): Promise<{ callRatioInline: number; callNs: number; methodNs: number }> {
  await using bed = await BaseBed.open();
  const text =
    "class Counter { constructor() { this.sum = 0; } add(by) { this.sum = (this.sum + by) | 0; return this.sum; } }";
  const offer = `${text} exports.activate = () => ({ services: { counter: new Counter() } });`;
  await bed.install({ name: "counter", version: "1.0.0", provides: { services: ["counter"] } }, offer);
  const plain = new Function(`${text} return new Counter();`)() as Counter;
  const reference = bed.base.service<Counter>("counter");
  const loops = [plain, reference].map((subject) => ({ loop: loopOver(), subject, times: [] as number[] }));
  for (let round = 0; round < ROUNDS + 2; round += 1) {
    for (const { loop, subject, times } of loops) {
      const beganAt = performance.now();
      loop(subject, CALLS);
      if (round >= 2) times.push(((performance.now() - beganAt) * 1e6) / CALLS);
    }
  }
  const [methodNs = Number.NaN, callNs = Number.NaN] = loops.map(({ times }) => median(times));
  return { callRatioInline: callNs / methodNs, callNs, methodNs };
}

// Each subject has a loop of its own, as each caller has code of its own.
function loopOver(): (subject: Counter, calls: number) => number {
  return new Function(
    "subject",
    "calls",
    "let sum = 0; for (let i = 0; i < calls; i++) sum ^= subject.add(i); return sum;",
  ) as never;
}

/** What 1,000 modules that opened something of each kind leave behind. */
export async function heapGrowthPercent(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [HEAP_PROGRAM, "1000"]);
  return (JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Remains).growthPercent;
}
