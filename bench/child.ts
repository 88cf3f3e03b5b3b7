import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const READY_MS = 15_000;
const END_MS = 5000;

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens when it is ready. */
  readonly port: number;
  readonly host?: string;
  /** Processor time of processes that it has started and that are not its children. */
  readonly moreCpuMs?: () => number;
}

/** A process that this benchmark started, and ends. */
export interface Child {
  readonly port: number;
  /** Processor time that it has used so far, in ms. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** Starts a process and waits until its port takes connections. */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const { command, args, env, port, host = "127.0.0.1", moreCpuMs = () => 0 } = spec;
  // A session each, as what the platform starts has: where others work too, the system shares the processor by sessions.
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let words = "";
  child.stderr.on("data", (bytes: Buffer) => {
    words = `${words}${bytes}`.slice(-2000);
  });
  const failure = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${command} ${args.join(" ")} ended with ${code}: ${words}`)));
  });
  failure.catch(() => undefined);
  await Promise.race([waitForPort(host, port), failure]);
  return { port, cpuMs: () => cpuMsOf(child.pid ?? 0) + moreCpuMs(), stop: () => stop(child) };
}

// Linux counts processor time in hundredths of a second for whoever asks.
const TICK_MS = 10;

/** Processor time of a living process so far, in ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(late);
}

async function waitForPort(host: string, port: number): Promise<void> {
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    if (await answers(host, port)) return;
    await sleep(20);
  }
  throw new Error(`nothing listens on port ${port} after ${READY_MS / 1000} s`);
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Runs a program to its end; what it wrote to standard output. */
export async function output(command: string, args: readonly string[]): Promise<{ code: number | null; text: string }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, text: Buffer.concat(chunks).toString() }));
  });
}
