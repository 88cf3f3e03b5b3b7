// The same application without modules: a process that is stopped and started, a cluster of two that is reloaded one by one.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLoad } from "@evenkeel/load/load";
import { median } from "../benchmark.ts";
import { freePort } from "../child.ts";
import { programCode } from "./content.ts";

const BYTES = 100_000;
const RATE = 200;

const CLUSTER = `const cluster = require("node:cluster");
cluster.setupPrimary({ exec: process.argv[2] });
const listening = (worker) => new Promise((resolve) => worker.once("listening", resolve));
(async () => {
  let workers = [cluster.fork(), cluster.fork()];
  await Promise.all(workers.map(listening));
  process.send("ready");
  process.on("message", async () => {
    for (const old of workers) { const next = cluster.fork(); await listening(next); const gone = new Promise((resolve) => old.once("exit", resolve)); old.disconnect(); await gone; }
    workers = Object.values(cluster.workers);
    process.send("reloaded");
  });
})();`;

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function answered(port: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => null);
    if (response?.ok) return void (await response.text());
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill();
  await ended;
}

/** Median time from stopping the old process to the first answer of the new one. */
export const restartMs = (rounds: number): Promise<number> =>
  inFolder(async (folder) => {
    const file = join(folder, "program.cjs");
    const port = await freePort();
    const start = async (round: number): Promise<ChildProcess> => {
      await writeFile(file, programCode(BYTES, `1.0.${round}`));
      return spawn(process.execPath, [file], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" });
    };
    let child = await start(0);
    await answered(port);
    const times: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const beganAt = performance.now();
      await end(child);
      child = await start(round);
      await answered(port);
      times.push(performance.now() - beganAt);
    }
    await end(child);
    return median(times);
  });

/** Reloads of a cluster of two under a constant load. */
export const rollingReload = (rounds: number) =>
  inFolder(async (folder) => {
    const file = join(folder, "program.cjs");
    const primary = join(folder, "cluster.cjs");
    const port = await freePort();
    await writeFile(file, programCode(BYTES, "1.0.0"));
    await writeFile(primary, CLUSTER);
    const env = { ...process.env, PORT: String(port) };
    const child = spawn(process.execPath, [primary, file], { env, stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await once(child, "message");
    const load = startLoad({ url: `http://127.0.0.1:${port}/`, rate: RATE });
    const times: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      await writeFile(file, programCode(BYTES, `1.0.${round}`));
      const beganAt = performance.now();
      child.send("reload");
      await once(child, "message");
      times.push(performance.now() - beganAt);
    }
    const { sent, failed } = await load.stop();
    await end(child);
    return { rollingReloadMs: median(times), rollingReloadRequests: sent, rollingReloadFailedRequests: failed };
  });

/** Memory that is a process's own share, in MB. */
export function ownMemoryMb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) / 1024;
}

/** Own memory of each of so many processes of the application that run side by side. */
export const memoryPerProcessMb = (count: number): Promise<number> =>
  inFolder(async (folder) => {
    const children: ChildProcess[] = [];
    for (let index = 0; index < count; index += 1) {
      const file = join(folder, `program-${index}.cjs`);
      const port = await freePort();
      await writeFile(file, programCode(BYTES, `1.0.${index}`));
      children.push(spawn(process.execPath, [file], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" }));
      await answered(port);
    }
    const sizes = children.map(({ pid }) => ownMemoryMb(pid ?? 0));
    await Promise.all(children.map(end));
    return median(sizes);
  });
