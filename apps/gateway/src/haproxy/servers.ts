// What servers the worker that serves has. What it has been told is read back with the answer, and remembered: as long as nobody
// else tells it anything, the next table needs one way to it and back.
import type { Log } from "@evenkeel/kit/log";
import type { Pool } from "./pool.ts";
import { backendName, MODES } from "./pool.ts";
import type { Runtime } from "./runtime.ts";
import { type RunningServer, readServers, type Steering, steer } from "./steer.ts";

const READ = "show servers state";

/** What is to be in force. */
export interface Wanted {
  readonly pools: readonly Pool[];
  /** What goes before, where any server is told something. */
  readonly first: string;
  /** Whether something has to come between those that take over and those that give; false where it failed. */
  readonly between: (() => Promise<boolean>) | null;
}

export class Servers {
  readonly #runtime: Pick<Runtime, "tell">;
  readonly #log: Log;
  /** Null where it is not known. */
  #running: readonly RunningServer[] | null = null;

  constructor(runtime: Pick<Runtime, "tell">, log: Log) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Another worker serves. */
  forget(): void {
    this.#running = null;
  }

  async read(): Promise<readonly RunningServer[]> {
    return readServers(await this.#tell([]));
  }

  /** False where HAProxy does not do as it was told. */
  async steer({ pools, first, between }: Wanted): Promise<boolean> {
    const { gaining, giving } = steer(this.#running ?? (await this.read()), pools);
    const commands = [...gaining, ...giving];
    if (commands.length === 0) return between === null || (await between());
    let answer = "";
    if (between === null) {
      answer = await this.#tell([first, ...commands]);
    } else {
      answer = await this.#tell([first, ...gaining]);
      // A route may lead to who has just come, and from who is about to go.
      if (!(await between())) return false;
      answer += await this.#tell(giving);
    }
    const left = commandsOf(steer(this.#running ?? [], pools));
    if (left.length > 0) this.#log.warn({ left: left.slice(0, 5), answer: answer.slice(0, 500) }, "not steered");
    return left.length === 0;
  }

  /** Removes servers that are in none of these pools and have nothing in hand any more; false where there are none. */
  async tidy(pools: readonly Pool[]): Promise<boolean> {
    const wanted = new Set(
      pools.flatMap((pool) =>
        pool.servers.flatMap(({ name }) => MODES.map((mode) => `${backendName(pool, mode)}/${name}`)),
      ),
    );
    const running = this.#running ?? (await this.read());
    const gone = running.filter(({ backend, name, ready }) => !ready && !wanted.has(`${backend}/${name}`));
    // One that still has something in hand refuses, and is asked again in a second.
    if (gone.length > 0) await this.#tell(gone.map(({ backend, name }) => `del server ${backend}/${name}`));
    return gone.length > 0;
  }

  async #tell(commands: readonly string[]): Promise<string> {
    this.#running = null;
    const answer = await this.#runtime.tell([...commands, READ]);
    this.#running = readServers(answer);
    return answer;
  }
}

const commandsOf = ({ gaining, giving }: Steering): string[] => [...gaining, ...giving];
