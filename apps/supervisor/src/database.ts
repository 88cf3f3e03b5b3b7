import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "@evenkeel/kit/log";
import { isAlive } from "@evenkeel/kit/process-identity";
import { type PostgresServer, startPostgres } from "@evenkeel/postgres/launcher";
import { checkNamedDatabase } from "@evenkeel/postgres/named-database";
import type { Home } from "./home.ts";
import type { News } from "./news.ts";

// 1. The server belongs to the home, not to us: a living one is adopted, and it lives on when we are killed.
// 2. One that dies is started again; its own lock keeps two from running.

/** The database of an installation: of our own, or one that was named. */
export interface Database {
  readonly url: string;
  readonly summary: string;
  readonly notice: string | null;
  stop(): Promise<void>;
}

export interface OpenDatabase {
  readonly home: Home;
  readonly log: Log;
  /** The address that a person set. */
  readonly named: string | undefined;
  readonly news: News;
}

const LOOK_MS = 100;
const PAUSE_MS = 500;
export const DATABASE_LOG = "postgres.log";

/** Uses the database that was named, else starts or adopts the one of the home and keeps it alive. */
export async function openDatabase({ home, log, named, news }: OpenDatabase): Promise<Database> {
  if (named !== undefined && named !== "") {
    const { place, version } = await checkNamedDatabase(named);
    return {
      url: named,
      summary: `PostgreSQL ${version} at ${place}`,
      notice: null,
      stop: async () => undefined,
    };
  }
  const options = {
    dataDir: home.postgresFolder,
    runDir: home.socketFolder,
    logFile: `${home.logFolder}/${DATABASE_LOG}`,
  };
  let server: PostgresServer = await startPostgres(options);
  log.info(
    { name: "postgres", pid: server.identity.pid, adopted: server.adopted, version: server.version },
    "database",
  );
  let watching = true;
  const watch = async (): Promise<void> => {
    while (watching) {
      await sleep(LOOK_MS);
      if (!watching || isAlive(server.identity)) continue;
      log.warn({ name: "postgres" }, "died");
      news.died({ name: "postgres", ended: null, failures: 0, waitMs: 0, log: options.logFile });
      try {
        server = await startPostgres(options);
        news.back("postgres");
      } catch (error) {
        log.error({ err: error, name: "postgres" }, "not started");
        await sleep(PAUSE_MS);
      }
    }
  };
  const watched = watch();
  return {
    url: server.url,
    summary: `PostgreSQL ${server.version}${server.adopted ? ", adopted" : ""}`,
    notice: server.notice,
    stop: async () => {
      watching = false;
      await watched;
      await server.stop();
    },
  };
}
