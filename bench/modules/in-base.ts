import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { HEAP_PROGRAM, type Remains } from "@evenkeel/base/heap/testing";
import { CALLS_PROGRAM, type CallRatio } from "./calls.ts";
import { MEMORY_PROGRAM } from "./memory.ts";

/** Own memory that each of so many modules adds to one base, which is a process of its own. */
export async function memoryPerModuleMb(count: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [MEMORY_PROGRAM, String(count)]);
  return Number(stdout.trim().split("\n").at(-1));
}

/** Calls through references in each direction, against the same method called on its object; in a process of its own, which has met no other code. */
export async function callRatio(): Promise<CallRatio> {
  const { stdout } = await promisify(execFile)(process.execPath, [CALLS_PROGRAM]);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as CallRatio;
}

/** What 1,000 modules that opened something of each kind leave behind. */
export async function heapGrowthPercent(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [HEAP_PROGRAM, "1000"]);
  return (JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Remains).growthPercent;
}
