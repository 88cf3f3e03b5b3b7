import { installDebianPackages } from "../tools/test-packages.ts";
import { output } from "./child.ts";

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
  /** Answers that were no 2xx, and connections that failed. */
  readonly failed: number;
}

export interface LoadSpec {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadTool {
  readonly name: string;
  run(spec: LoadSpec): Promise<LoadResult>;
}

/** wrk, installed where that is possible; else autocannon, which is written for Node and takes more of the processor itself. */
export async function findLoadTool(say: (line: string) => void): Promise<LoadTool> {
  return (await bring("wrk", say)) ? WRK : AUTOCANNON;
}

/** Whether the program can be run, after an attempt to install the Debian package of its name. */
export async function bring(program: string, say: (line: string) => void): Promise<boolean> {
  if (await exists(program)) return true;
  try {
    installDebianPackages([program]);
  } catch (error) {
    say(`${program} could not be installed: ${(error as Error).message}`);
  }
  return await exists(program);
}

async function exists(program: string): Promise<boolean> {
  const { code } = await output("sh", ["-c", `PATH="$PATH:/usr/sbin:/sbin" command -v ${program}`]);
  return code === 0;
}

const WRK: LoadTool = {
  name: "wrk",
  run: async ({ url, connections, seconds, headers }) => {
    const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const args = ["-t1", `-c${connections}`, `-d${seconds}`, "--latency", ...lines, url];
    const { text } = await output("wrk", args);
    const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
    const [, connect = "0", read = "0", write = "0", timeout = "0"] =
      /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
    return {
      requests: Number(/(\d+) requests in /.exec(text)?.[1] ?? 0),
      requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number.NaN),
      p50Ms: milliseconds(/^ +50% +(\S+)/m.exec(text)?.[1]),
      p99Ms: milliseconds(/^ +99% +(\S+)/m.exec(text)?.[1]),
      failed: failed + Number(connect) + Number(read) + Number(write) + Number(timeout),
    };
  },
};

function milliseconds(text: string | undefined): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? "") ?? [];
  return Number(number) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? ""] ?? Number.NaN);
}

interface AutocannonResult {
  readonly requests: { readonly average: number; readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly non2xx: number;
  readonly errors: number;
}

const AUTOCANNON: LoadTool = {
  name: "autocannon",
  run: async ({ url, connections, seconds, headers }) => {
    const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}=${value}`]);
    const program = import.meta.resolve("autocannon").replace("file://", "");
    const args = [program, "-c", String(connections), "-d", String(seconds), "--json", ...lines, url];
    const { text } = await output(process.execPath, args);
    const { requests, latency, non2xx, errors } = JSON.parse(text) as AutocannonResult;
    return {
      requests: requests.total,
      requestsPerSecond: requests.average,
      p50Ms: latency.p50,
      p99Ms: latency.p99,
      failed: non2xx + errors,
    };
  },
};
