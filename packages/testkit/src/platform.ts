import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@evenkeel/client/client";
import { Claims } from "@evenkeel/kit/claim";
import {
  endIdentity,
  findByEnvironment,
  isAlive,
  type ProcessIdentity,
  readEnvironment,
} from "@evenkeel/kit/process-identity";
import { findServer } from "@evenkeel/postgres/launcher";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const READY_LIMIT_MS = 180_000;
/** Of calls: a machine may be ten times slower than usual, and tests kill control planes and databases. */
const PATIENCE_MS = 60_000;
const LOG_LINES = 12;
const LONGEST_LOG_LINE = 600;

/** Where and how a platform is started. */
export interface PlatformOptions {
  /** A folder of an earlier platform; without it a new one is made. */
  readonly home?: string;
  /** The clone whose code runs; this one unless another is named. */
  readonly root?: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs as this user, in a folder of his; only root can ask for it. */
  readonly uid?: number;
}

/** One supervisor process and all that belongs to its home. */
export interface Platform {
  readonly home: string;
  readonly supervisor: ChildProcess;
  readonly controlPlanes: readonly string[];
  readonly gateway: string;
  readonly token: string;
  readonly client: Client;
  /** Everything that the supervisor printed so far. */
  output(): string;
  /** The living processes of its parts by name: `gateway`, `control-plane-1`, `agent-local-1`, `postgres`. */
  parts(): Promise<Record<string, ProcessIdentity>>;
  /** Ctrl-C, and waits for the end; answers the exit code. */
  interrupt(): Promise<number | null>;
  /** kill -9 of the supervisor alone. */
  killSupervisor(): Promise<void>;
  /** Ends everything that is left and removes the folder. */
  remove(): Promise<void>;
}

/** Starts the platform as a person would, with ports of its own, and waits until it is ready. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const started = await spawnPlatform(options);
  try {
    await started.ready();
  } catch (error) {
    await started.platform.remove();
    throw error;
  }
  return started.platform;
}

/** Starts the platform and does not wait; for tests that kill it on its way. */
export async function spawnPlatform(options: PlatformOptions): Promise<{ platform: Platform; ready(): Promise<void> }> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "evenkeel platform "));
  const { uid } = options;
  if (uid !== undefined) chownSync(home, uid, uid);
  const environment = { ...(await ownPorts(home)), ...options.environment };
  const entry = join(options.root ?? ROOT, "apps/supervisor/src/main.ts");
  const supervisor = spawn(process.execPath, [entry, "up", "--home", home, ...(options.args ?? ["--empty"])], {
    cwd: tmpdir(),
    detached: true,
    // The journeys kill processes one by one; those of the driver haproxy have a file of their own.
    env: { EVENKEEL_GATEWAY_DRIVER: "node", ...process.env, EVENKEEL_HOME: home, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  let output = "";
  for (const stream of [supervisor.stdout, supervisor.stderr]) {
    stream.on("data", (bytes) => {
      output += bytes;
    });
  }
  const platform = new RunningPlatform(home, supervisor, () => output);
  return { platform, ready: () => platform.ready() };
}

/** Free ports, so that platforms of several tests do not meet; a home keeps those it has. */
async function ownPorts(home: string): Promise<Record<string, string>> {
  if (existsSync(join(home, "manifest.json"))) return {};
  for (;;) {
    const first = FIRST_PORT + PORTS_APART * randomInt(PORT_BLOCKS);
    if (!(await claims.take(`test-ports/${first}`))) continue;
    const block = Array.from({ length: PORTS_APART }, (_, index) => first + index);
    const free = await Promise.all(block.map(isFree));
    // The last is the gateway's: those before it leave room for replicas.
    if (free.every(Boolean))
      return { EVENKEEL_PORT: String(first), EVENKEEL_GATEWAY_PORT: String(first + PORTS_APART - 1) };
  }
}

// Below the ports that the system gives to outgoing connections, which may take a port between our look and its use.
const FIRST_PORT = 11_000;
const PORTS_APART = 5;
const PORT_BLOCKS = 1700;
/** Held for as long as the test's process lives: platforms of other tests that begin at the same time take other blocks. */
const claims = new Claims();

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  const free = await once(server, "listening").then(
    () => true,
    () => false,
  );
  server.close();
  return free;
}

class RunningPlatform implements Platform {
  readonly home: string;
  readonly supervisor: ChildProcess;
  readonly output: () => string;
  controlPlanes: readonly string[] = [];
  gateway = "";
  #client: Client | null = null;

  constructor(home: string, supervisor: ChildProcess, output: () => string) {
    this.home = home;
    this.supervisor = supervisor;
    this.output = output;
  }

  get token(): string {
    return readFileSync(join(this.home, "token"), "utf8").trim();
  }

  /** The same for all calls: one that has been answered before waits for a control plane that is away. */
  get client(): Client {
    this.#client ??= createClient({ url: this.controlPlanes, token: this.token, patienceMs: PATIENCE_MS });
    return this.#client;
  }

  async ready(): Promise<void> {
    const until = performance.now() + READY_LIMIT_MS;
    while (!this.output().includes("Ctrl-C")) {
      const ended = this.supervisor.exitCode ?? this.supervisor.signalCode;
      if (ended !== null) throw new Error(`the platform ended with ${ended}:\n${this.#account()}`);
      if (performance.now() > until) throw new Error(`the platform is not ready:\n${this.#account()}`);
      await sleep(50);
    }
    const endpoints = JSON.parse(readFileSync(join(this.home, "run/endpoints.json"), "utf8")) as {
      controlPlanes: string[];
      gateway: string;
    };
    this.controlPlanes = endpoints.controlPlanes;
    this.#client = null;
    this.gateway = endpoints.gateway;
  }

  /** What the supervisor printed, and the last lines of every log: elsewhere nobody can look any more. */
  #account(): string {
    const folder = join(this.home, "log");
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".log")) : [];
    const tails = names.toSorted().map((name) => {
      const lines = readFileSync(join(folder, name), "utf8").trimEnd().split("\n").slice(-LOG_LINES);
      return `── ${name}\n${lines.map((line) => line.slice(0, LONGEST_LOG_LINE)).join("\n")}`;
    });
    return [this.output(), ...tails].join("\n");
  }

  async parts(): Promise<Record<string, ProcessIdentity>> {
    const found: Record<string, ProcessIdentity> = {};
    for (const identity of findByEnvironment({ EVENKEEL_HOME: this.home })) {
      const name = readEnvironment(identity.pid)?.EVENKEEL_PART;
      if (name === undefined || !runsMain(identity.pid)) continue;
      if (found[name] !== undefined)
        throw new Error(`two processes of ${name}: ${found[name].pid} and ${identity.pid}`);
      found[name] = identity;
    }
    const server = await findServer(join(this.home, "postgres"));
    return server === null ? found : { ...found, postgres: server.identity };
  }

  async interrupt(): Promise<number | null> {
    return await this.#end("SIGINT");
  }

  async killSupervisor(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.supervisor.exitCode === null && this.supervisor.signalCode === null) {
      const exited = once(this.supervisor, "exit");
      this.supervisor.kill(signal);
      await exited;
    }
    return this.supervisor.exitCode;
  }

  async remove(): Promise<void> {
    await this.#end("SIGKILL");
    // Agents first end their applications; what is left after that has nobody to wait for.
    const marked = findByEnvironment({ EVENKEEL_HOME: this.home });
    const agents = marked.filter(({ pid }) => readEnvironment(pid)?.EVENKEEL_PART?.startsWith("agent-"));
    await Promise.all(agents.map((agent) => endIdentity(agent, "SIGUSR2", 20_000)));
    await Promise.all(marked.filter(isAlive).map((part) => endIdentity(part, "SIGKILL", 10_000)));
    await (await findServer(join(this.home, "postgres")))?.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** A part itself, not a small helper that it has started for a moment. */
function runsMain(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[1]?.endsWith("/src/main.ts") === true;
  } catch {
    return false;
  }
}
