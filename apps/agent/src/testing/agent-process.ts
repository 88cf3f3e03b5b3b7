import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { killIdentity, listProcesses, readEnvironment, waitGone } from "@evenkeel/kit/process-identity";
import type { TestControlPlane } from "./control-plane.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** A host of its own: address, folder, and an agent that comes and goes. */
export class TestHost {
  readonly home: string;
  readonly address: string;
  agent: ChildProcess | null = null;
  readonly #planes: readonly TestControlPlane[];
  readonly #joinToken: string;
  readonly #ports = somePorts();

  constructor(home: string, address: string, planes: readonly TestControlPlane[]) {
    this.home = home;
    this.address = address;
    this.#planes = planes;
    this.#joinToken = planes[0]?.joinToken ?? "";
  }

  static async create(address: string, ...planes: TestControlPlane[]): Promise<TestHost> {
    return new TestHost(await mkdtemp(join(tmpdir(), "evenkeel agent ")), address, planes);
  }

  /** Starts an agent and waits until it was welcomed. */
  async start(environment: Record<string, string> = {}): Promise<void> {
    const seen = this.#planes.map((plane) => plane.messages.length);
    this.spawn(environment);
    await Promise.race(this.#planes.map((plane, at) => plane.heard(({ kind }) => kind === "hello", seen[at])));
  }

  spawn(environment: Record<string, string> = {}): ChildProcess {
    const log = openSync(this.logFile, "a");
    this.agent = spawn(process.execPath, [MAIN], {
      env: {
        PATH: process.env.PATH,
        EVENKEEL_AGENT_HOME: join(this.home, "agent"),
        EVENKEEL_CONTROL_PLANES: this.#planes.map(({ url }) => url).join(","),
        EVENKEEL_JOIN_TOKEN: this.#joinToken,
        EVENKEEL_AGENT_ADDRESS: this.address,
        EVENKEEL_AGENT_NAME: "test-host",
        EVENKEEL_AGENT_PORTS: this.#ports,
        NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache"),
        ...environment,
      },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    return this.agent;
  }

  get logFile(): string {
    return join(this.home, "agent.log");
  }

  async log(): Promise<string> {
    return await readFile(this.logFile, "utf8");
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = this.ended();
    this.agent?.kill(signal);
    await ended;
  }

  async ended(): Promise<void> {
    const { agent } = this;
    if (agent === null || agent.exitCode !== null || agent.signalCode !== null) return;
    await new Promise((resolve) => agent.once("exit", resolve));
  }

  async disposeProcesses(hostId: string): Promise<void> {
    const left = processesOf(hostId);
    for (const identity of left) killIdentity(identity, "SIGKILL");
    await Promise.all(left.map((identity) => waitGone(identity, 5000)));
  }

  /** Ends agent and everything it ever started, and removes the folder. */
  async dispose(hostId: string): Promise<void> {
    await this.end("SIGKILL");
    await this.disposeProcesses(hostId);
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A range by chance: the same test may run twice on one machine at the same time. */
function somePorts(): string {
  const from = 20_000 + Math.floor(Math.random() * 12_000);
  return `${from}-${from + 500}`;
}

/** Everything alive that an agent of this host started, by its marker. */
export function processesOf(hostId: string) {
  return listProcesses().filter(({ pid }) => {
    const environment = readEnvironment(pid);
    const marks = [environment?.EVENKEEL_INSTANCE, environment?.EVENKEEL_SCRIPT];
    return marks.some((mark) => mark?.startsWith(`${hostId}:`));
  });
}
