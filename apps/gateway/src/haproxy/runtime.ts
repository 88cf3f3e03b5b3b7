import { type FileHandle, open } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { MASTER_SOCKET, WORKER_SOCKET } from "./render.ts";

const ANSWER_MS = 5000;
const AGAIN_MS = 5;
// HAProxy reads a command line into one buffer.
const MOST_CHARACTERS = 8000;

/** The sockets that a running HAProxy takes commands on, in its folder. */
export class Runtime {
  readonly #folder: FileHandle;

  private constructor(folder: FileHandle) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<Runtime> {
    return new Runtime(await open(folder, "r"));
  }

  async close(): Promise<void> {
    await this.#folder.close();
  }

  /** Carries out these commands in their order on the worker that serves; what it answered to all of them. */
  async tell(commands: readonly string[]): Promise<string> {
    let answer = "";
    for (const line of linesOf(commands)) answer += await this.#ask(WORKER_SOCKET, line);
    return answer;
  }

  async ask(command: string): Promise<string> {
    return await this.#ask(WORKER_SOCKET, command);
  }

  /** The same to a worker that finishes what it has, by its pid. */
  async askOld(pid: number, command: string): Promise<string> {
    return await this.askMaster(`@!${pid} ${command}`);
  }

  /** Waits for a master that is about to listen: after its start, and while it reads its configuration anew. */
  async askMaster(command: string): Promise<string> {
    const until = performance.now() + ANSWER_MS;
    for (;;) {
      try {
        return await this.#ask(MASTER_SOCKET, command);
      } catch (error) {
        if (!isAbsent(error) || performance.now() > until) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }

  #ask(socketName: string, command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = this.#connect(socketName);
      const chunks: Buffer[] = [];
      socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`no answer to ${command.slice(0, 40)}`)));
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.once("error", reject);
      socket.once("end", () => resolve(Buffer.concat(chunks).toString()));
      socket.end(`${command}\n`);
    });
  }

  /** Log lines of the worker that serves, from now on; `onEnd` when it has gone, or the returned function was called. */
  follow(onLine: (line: string) => void, onEnd: () => void): () => void {
    const socket = this.#connect(WORKER_SOCKET);
    let rest = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
    socket.on("error", () => undefined);
    socket.on("close", onEnd);
    socket.write("show events requests -w -n\n");
    return () => socket.destroy();
  }

  /** By the folder's descriptor: the path of a unix socket must be short, and a folder's may be long. */
  pathOf(name: string): string {
    return `/proc/self/fd/${this.#folder.fd}/${name}`;
  }

  #connect(name: string): Socket {
    return createConnection({ path: this.pathOf(name) });
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" || code === "ENOENT" || code === "ECONNRESET";
}

function linesOf(commands: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const command of commands) {
    if (line.length + command.length > MOST_CHARACTERS) {
      lines.push(line);
      line = "";
    }
    // Adding and removing servers, and variables of the process, count as experimental until 2.8.
    line = line === "" ? `experimental-mode on; ${command}` : `${line}; ${command}`;
  }
  return line === "" ? lines : [...lines, line];
}
