import { once } from "node:events";
import { createServer, type Server } from "node:net";

/**
 * What this process keeps others from choosing: names on this machine, as ports and addresses are (one network namespace).
 * 1. The system decides: a socket without a file, which only one process can bind, and which ends with it, however it ends.
 * 2. A name says nothing of use: a port that nobody claims may be taken, and is tested by whoever has claimed it.
 */
export class Claims {
  readonly #held = new Map<string, Server>();

  /** Takes all of these, or none; true also for those that are held here already. */
  async take(...names: readonly string[]): Promise<boolean> {
    const taken: string[] = [];
    for (const name of names.filter((each) => !this.#held.has(each))) {
      const server = await bind(name);
      if (server === null) {
        this.release(...taken);
        return false;
      }
      this.#held.set(name, server);
      taken.push(name);
    }
    return true;
  }

  /** Lets go of these. */
  release(...names: readonly string[]): void {
    for (const name of names) {
      this.#held.get(name)?.close();
      this.#held.delete(name);
    }
  }

  /** Lets go of all that `keep` does not name. */
  releaseOthers(keep: ReadonlySet<string>): void {
    this.release(...[...this.#held.keys()].filter((name) => !keep.has(name)));
  }
}

async function bind(name: string): Promise<Server | null> {
  const server = createServer((connection) => connection.destroy());
  server.unref();
  server.listen({ path: `\0evenkeel/${name}`, exclusive: true });
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return null;
    throw error;
  }
}
