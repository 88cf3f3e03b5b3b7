// The HAProxy of one gateway as a process: a master, which starts workers and outlives their reloads.
// Invariants:
// 1. At most one master of this folder takes new connections; one that lives is adopted, however it came to be.
// 2. It lives on when the gateway dies: it has a session of its own, and writes into a file.
// 3. The listening sockets are its descriptors 3, and 4 for TLS, through all reloads; new connections wait in them while nobody takes them.
// 4. A configuration is looked at before the running worker is asked to make way for it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { readJson, writeDurable, writeDurableJson } from "@evenkeel/kit/durable-file";
import { listListeners } from "@evenkeel/kit/listening";
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
import type { Doors, Opened, Serving } from "../driver.ts";
import { isCertificateFile } from "./certificate-list.ts";
import { CONFIG_FILE, MASTER_SOCKET, type Rendered } from "./render.ts";
import type { Runtime } from "./runtime.ts";

const READY_MS = 15_000;
const GONE_MS = 2000;
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

const Door = { address: z.string(), port: z.int() };
const Recorded = z.strictObject({
  identity: ProcessIdentity,
  ...Door,
  tls: z.strictObject(Door).nullable().default(null),
});

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

  /** The living master of this folder, and where it listens; null when there is none. One that lacks a door, or has one too many, makes way. */
  async adopt(doors: Doors): Promise<Opened | null> {
    const { folder, log } = this.#deps;
    const recorded = await readJson(join(folder, RECORD_FILE), Recorded).catch(() => null);
    if (recorded === null || !isAlive(recorded.identity)) return null;
    const { identity, address, port, tls } = recorded;
    if ((tls === null) !== (doors.tls === null)) {
      endProgram(folder);
      // A socket that was handed down goes on listening: connections wait in it.
      if (!("fd" in doors.plain)) await waitUntilDeaf([port, ...(tls === null ? [] : [tls.port])]);
      return null;
    }
    this.#identity = identity;
    log.info({ pid: identity.pid }, "haproxy adopted");
    return { plain: { address, port, fd: null }, tls: tls === null ? null : { ...tls, fd: null } };
  }

  /** Writes what it reads; the configuration itself last. */
  async write({ files }: Rendered): Promise<void> {
    const { folder } = this.#deps;
    for (const [name, text] of Object.entries(files))
      if (name !== CONFIG_FILE) await writeDurable(join(folder, name), text, 0o600);
    // killed here: the running worker has read its files; the next gateway writes all of them again
    await writeDurable(join(folder, CONFIG_FILE), files[CONFIG_FILE] ?? "", 0o600);
    // killed here: keys that are of no use any more lie there until the next table
    for (const name of await readdir(folder))
      if (isCertificateFile(name) && files[name] === undefined) await rm(join(folder, name), { force: true });
  }

  /** Throws what is wrong with the configuration that was written. */
  async check(opened: Opened): Promise<void> {
    const child = this.#spawn(["-c", "-f", CONFIG_FILE], { opened, output: "pipe" });
    let words = "";
    child.stderr?.on("data", (bytes: Buffer) => {
      words = `${words}${bytes}`.slice(-LAST_WORDS);
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw this.#failed(words);
  }

  /** Starts a master on these sockets, and waits until it serves by this configuration. */
  async start(rendered: Rendered, opened: Opened): Promise<void> {
    const { folder, log } = this.#deps;
    // What a master that was killed has left.
    endProgram(folder);
    await this.write(rendered);
    const file = await open(join(folder, LOG_FILE), "w", 0o600);
    try {
      const args = ["-W", "-S", `unix@${MASTER_SOCKET},mode,600`, "-f", CONFIG_FILE];
      const child = this.#spawn(args, { opened, output: file.fd });
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
    const { plain, tls } = opened;
    const record = { identity: this.#identity, ...placeOf(plain), tls: tls === null ? null : placeOf(tls) };
    await writeDurableJson(join(folder, RECORD_FILE), record);
    await this.#waitFor(rendered.structure);
    log.info({ pid: this.#identity.pid }, "haproxy started");
  }

  /** Lets a new worker take over by this configuration; the old one finishes what it has. */
  async reload(rendered: Rendered, opened: Opened): Promise<void> {
    await this.write(rendered);
    if (opened.plain.fd !== null) await this.check(opened);
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

  #spawn(args: readonly string[], { opened, output }: { opened: Opened; output: number | "pipe" }): ChildProcess {
    const { folder, command } = this.#deps;
    const doors = [opened.plain, opened.tls].flatMap((door) => (door === null || door.fd === null ? [] : [door.fd]));
    return spawn(command, args, {
      // Names in the configuration are relative: what HAProxy opens must have short paths.
      cwd: folder,
      detached: true,
      env: environment(folder),
      stdio: ["ignore", output, output, ...doors],
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

const placeOf = ({ address, port }: Serving): { address: string; port: number } => ({ address, port });

/** Nobody listens on these ports any more. */
async function waitUntilDeaf(ports: readonly number[]): Promise<void> {
  const until = performance.now() + GONE_MS;
  while (performance.now() < until && listListeners().some(({ port }) => ports.includes(port))) await sleep(LOOK_MS);
}

/** Has every HAProxy of this folder take no new connections and finish what it has. */
export function endProgram(folder: string, signal: NodeJS.Signals = "SIGUSR1"): void {
  for (const identity of findByEnvironment({ [FOLDER_MARK]: folder })) killIdentity(identity, signal);
}
