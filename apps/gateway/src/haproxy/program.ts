// The HAProxy of one gateway as a process: a master, which starts workers and outlives their reloads.
// Invariants:
// 1. At most one master of this folder takes new connections; one that lives is adopted, however it came to be.
// 2. It lives on when the gateway dies: it has a session of its own, and writes into a file.
// 3. The listening socket is its descriptor 3 through all reloads; new connections wait in it while nobody takes them.
// 4. A configuration is looked at before the running worker is asked to make way for it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { readJson, writeDurable, writeDurableJson } from "@evenkeel/kit/durable-file";
import type { Log } from "@evenkeel/kit/log";
import {
  endIdentity,
  findByEnvironment,
  isAlive,
  killIdentity,
  ProcessIdentity,
  readIdentity,
  waitGone,
} from "@evenkeel/kit/process-identity";
import { z } from "zod";
import { CONFIG_FILE, MASTER_SOCKET, type Rendered } from "./render.ts";
import type { Runtime } from "./runtime.ts";

const READY_MS = 15_000;
const LOOK_MS = 5;
const FOLDER_MARK = "EVENKEEL_HAPROXY";
const LOG_FILE = "haproxy.log";
const RECORD_FILE = "process.json";
const LAST_WORDS = 600;

/** Of our own environment only what finds a part of an installation; join tokens are none of its business. */
function environment(folder: string): Record<string, string> {
  const { PATH = "", EVENKEEL_HOME } = process.env;
  const ours = { PATH, [FOLDER_MARK]: folder };
  return EVENKEEL_HOME === undefined ? ours : { ...ours, EVENKEEL_HOME, EVENKEEL_PART: "haproxy" };
}

const Recorded = z.strictObject({ identity: ProcessIdentity, address: z.string(), port: z.int() });
type Recorded = z.infer<typeof Recorded>;

/** What a program needs. */
export interface ProgramDeps {
  readonly folder: string;
  readonly runtime: Runtime;
  readonly command: string;
  readonly log: Log;
}

export class Program {
  readonly #deps: ProgramDeps;
  #identity: ProcessIdentity | null = null;

  constructor(deps: ProgramDeps) {
    this.#deps = deps;
  }

  get alive(): boolean {
    return this.#identity !== null && isAlive(this.#identity);
  }

  /** The living master of this folder, and where it listens; null when there is none. */
  async adopt(): Promise<Omit<Recorded, "identity"> | null> {
    const { folder, log } = this.#deps;
    const recorded = await readJson(join(folder, RECORD_FILE), Recorded).catch(() => null);
    if (recorded === null || !isAlive(recorded.identity)) return null;
    this.#identity = recorded.identity;
    log.info({ pid: recorded.identity.pid }, "haproxy adopted");
    return { address: recorded.address, port: recorded.port };
  }

  /** Writes what it reads; the configuration itself last. */
  async write({ files }: Rendered): Promise<void> {
    const { folder } = this.#deps;
    for (const [name, text] of Object.entries(files))
      if (name !== CONFIG_FILE) await writeDurable(join(folder, name), text);
    // killed here: the running worker has read its files; the next gateway writes all of them again
    await writeDurable(join(folder, CONFIG_FILE), files[CONFIG_FILE] ?? "", 0o600);
  }

  /** Throws what is wrong with the configuration that was written. */
  async check(fd: number): Promise<void> {
    const child = this.#spawn(["-c", "-f", CONFIG_FILE], { fd, output: "pipe" });
    let words = "";
    child.stderr?.on("data", (bytes: Buffer) => {
      words = `${words}${bytes}`.slice(-LAST_WORDS);
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw this.#failed(words);
  }

  /** Starts a master on this socket, and waits until it serves by this configuration. */
  async start(rendered: Rendered, { fd, address, port }: { fd: number; address: string; port: number }): Promise<void> {
    const { folder, log } = this.#deps;
    // What a master that was killed has left.
    endProgram(folder);
    await this.write(rendered);
    const file = await open(join(folder, LOG_FILE), "w", 0o600);
    try {
      const args = ["-W", "-S", `unix@${MASTER_SOCKET},mode,600`, "-f", CONFIG_FILE];
      const child = this.#spawn(args, { fd, output: file.fd });
      await once(child, "spawn").catch((error) => {
        throw this.#failed(error instanceof Error ? error.message : String(error));
      });
      this.#identity = readIdentity(child.pid ?? 0);
      if (this.#identity === null) throw this.#failed(await this.#lastWords());
      child.unref();
    } finally {
      await file.close();
    }
    // killed here: the next gateway finds nobody recorded, and ends this one by its mark
    await writeDurableJson(join(folder, RECORD_FILE), { identity: this.#identity, address, port });
    await this.#waitFor(rendered.structure);
    log.info({ pid: this.#identity.pid }, "haproxy started");
  }

  /** Lets a new worker take over by this configuration; the old one finishes what it has. */
  async reload(rendered: Rendered, fd: number | null): Promise<void> {
    await this.write(rendered);
    if (fd !== null) await this.check(fd);
    await this.#deps.runtime.askMaster("reload");
    await this.#waitFor(rendered.structure);
    this.#deps.log.info("haproxy reloaded");
  }

  async #waitFor(structure: string): Promise<void> {
    const until = performance.now() + READY_MS;
    while ((await this.structure().catch(() => null)) !== structure) {
      if (!this.alive || performance.now() > until) throw this.#failed(await this.#lastWords());
      await sleep(LOOK_MS);
    }
  }

  /** What the worker that serves was rendered from. */
  async structure(): Promise<string | null> {
    const info = await this.#deps.runtime.ask("show info");
    return /^description: ([0-9a-f]{64})$/m.exec(info)?.[1] ?? null;
  }

  /** Pids of the worker that serves, and of those that finish what they have. */
  async workers(): Promise<{ current: number; old: number[] }> {
    const text = await this.#deps.runtime.askMaster("show proc");
    const [before = "", after = ""] = text.split("# old workers");
    const pids = (part: string): number[] => [...part.matchAll(/^(\d+)\s+worker/gm)].map(([, pid]) => Number(pid));
    return { current: pids(before)[0] ?? 0, old: pids(after) };
  }

  /** Takes no new connections, finishes what it has within this time, and ends. */
  async stop(ms: number, hurry: AbortSignal): Promise<void> {
    const identity = this.#identity;
    if (identity === null) return;
    killIdentity(identity, "SIGUSR1");
    const kill = (): void => void killIdentity(identity, "SIGTERM");
    hurry.addEventListener("abort", kill, { once: true });
    if (!(await waitGone(identity, ms))) await endIdentity(identity, "SIGTERM", 2000);
    hurry.removeEventListener("abort", kill);
  }

  #spawn(args: readonly string[], { fd, output }: { fd: number; output: number | "pipe" }): ChildProcess {
    const { folder, command } = this.#deps;
    return spawn(command, args, {
      // Names in the configuration are relative: what HAProxy opens must have short paths.
      cwd: folder,
      detached: true,
      env: environment(folder),
      stdio: ["ignore", output, output, fd],
    });
  }

  async #lastWords(): Promise<string> {
    const text = await readFile(join(this.#deps.folder, LOG_FILE), "utf8").catch(() => "");
    return text
      .trim()
      .split("\n")
      .filter((line) => /ALERT|ERROR/i.test(line))
      .join(" ")
      .slice(0, LAST_WORDS);
  }

  #failed(problem: string): PlatformError {
    return new PlatformError("PART_FAILED", {
      part: "haproxy",
      problem: problem.trim(),
      log: join(this.#deps.folder, LOG_FILE),
    });
  }
}

/** Has every HAProxy of this folder take no new connections and finish what it has. */
export function endProgram(folder: string, signal: NodeJS.Signals = "SIGUSR1"): void {
  for (const identity of findByEnvironment({ [FOLDER_MARK]: folder })) killIdentity(identity, signal);
}
