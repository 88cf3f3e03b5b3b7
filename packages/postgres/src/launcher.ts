import { type ChildProcess, spawn } from "node:child_process";
import { chown, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { isAlive, killIdentity, type ProcessIdentity, readIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { Client } from "pg";
import { type Account, CLUSTER, chooseAccount, commandAs } from "./account.ts";
import { findBinaries, installBinaries, type PostgresBinaries } from "./binaries.ts";
import { clusterMajor, ensureCluster, serverEnvironment, USER } from "./cluster.ts";
import { clearStalePidFile, findPostmaster, findServerProcesses, type Postmaster } from "./postmaster.ts";
import { fitsSockets } from "./run-folder.ts";

// 1. At most one server lives on a data folder: PostgreSQL's own lock decides, we only look who has it.
// 2. The server is in a session of its own and writes to a file: it outlives whoever started it.
// 3. A server that lives is adopted, never started beside or stopped by a start.
// 4. Nothing is kept about it but its own postmaster.pid; killed anywhere in a start, the next start looks again.
// 5. A server that is killed while it starts has not refused: it is started again.

/** What a start needs: the folder for data and binaries, and a short folder that is closed to others, for the socket. */
export interface StartPostgres {
  readonly dataDir: string;
  readonly runDir: string;
  readonly binaries?: PostgresBinaries;
  readonly logFile?: string;
  /** Further settings of the server, such as max_connections. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More of its environment, which is otherwise empty of ours. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Connection {
  readonly host: string;
  readonly user: string;
  readonly database: string;
}

export interface PostgresServer {
  readonly connection: Connection;
  readonly url: string;
  readonly identity: ProcessIdentity;
  /** True when the server lived already. */
  readonly adopted: boolean;
  readonly version: string;
  /** What a person should know about where it runs; null when all is as usual. */
  readonly notice: string | null;
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly cluster: string;
  readonly runDir: string;
  readonly logFile: string;
  readonly account: Account;
}

// Recovery after a crash may have gigabytes of log to read; each single wait below ends when the server does.
const START_LIMIT_MS = 10 * 60_000;
const BUSY_LIMIT_MS = 60_000;
// A connection may break a moment before its server has gone.
const DYING_MS = 1000;
// Part of the socket's name. Said aloud, or PGPORT and PGSSLMODE of whoever starts us would decide.
const PORT = 5432;

/** Starts the server of this folder, or adopts the one that lives on it; initialises the folder when it is empty. */
export async function startPostgres(options: StartPostgres): Promise<PostgresServer> {
  const place = await findPlace(options);
  let busyUntil = Number.POSITIVE_INFINITY;
  for (;;) {
    const server = (await adopt(place)) ?? (await startOnce(place, options));
    if (server !== null) return server;
    busyUntil = Math.min(busyUntil, performance.now() + BUSY_LIMIT_MS);
    if (performance.now() > busyUntil) throw await stillBusy(place);
    await sleep(50);
  }
}

/** Null: no server lives here, or it ended before it was ready. */
async function adopt(place: Place): Promise<PostgresServer | null> {
  const living = await findPostmaster(place.cluster).catch(ignoreMissing);
  const ready = living === null ? null : await waitReady(place, living.identity);
  return ready === null ? null : await describe(place, ready, true);
}

/** The server that lives on this folder, or null; starts nothing. */
export async function findServer(
  dataDir: string,
): Promise<{ identity: ProcessIdentity; stop(): Promise<void> } | null> {
  const living = await findPostmaster(join(dataDir, CLUSTER)).catch(ignoreMissing);
  return living === null ? null : { identity: living.identity, stop: () => stopServer(living.identity) };
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}

async function findPlace({ dataDir, runDir, logFile }: StartPostgres): Promise<Place> {
  await makeFolder(dataDir, 0o700);
  await makeFolder(runDir, 0o700);
  const account = await chooseAccount(dataDir, [dataDir, runDir]);
  const folder = account.kind === "system-user" ? account.folder : dataDir;
  const place = {
    folder,
    cluster: join(folder, CLUSTER),
    runDir: account.kind === "system-user" ? join(folder, "run") : runDir,
    logFile: logFile ?? join(dataDir, "server.log"),
    account,
  };
  if (!fitsSockets(place.runDir)) throw new PlatformError("SOCKET_PATH_TOO_LONG", { folder: place.runDir });
  if (account.kind === "system-user") {
    await makeFolder(place.runDir, 0o700);
    await chown(place.runDir, account.uid, account.gid);
  }
  return place;
}

/** Null: another server, or what is left of one, still holds the folder; or somebody has killed this one. */
async function startOnce(place: Place, options: StartPostgres): Promise<PostgresServer | null> {
  const binaries = await chooseBinaries(place.folder, options.binaries);
  const { folder, account } = place;
  await ensureCluster({ folder, account, binaries });
  await clearStalePidFile(place.cluster);
  const log = await open(place.logFile, "a", 0o600);
  const { size: logOffset } = await log.stat();
  let child: ChildProcess;
  try {
    const { settings = {}, environment = {} } = options;
    child = await spawnServer(place, { binaries, settings, environment, logFd: log.fd });
  } finally {
    await log.close();
  }
  // killed here: the server goes on, and the next start adopts it
  const identity = readIdentity(child.pid ?? 0);
  const ready = identity === null ? null : await waitReady(place, identity);
  if (ready !== null) {
    child.unref();
    return await describe(place, ready, false);
  }
  const said = (await readFile(place.logFile)).subarray(logOffset).toString("utf8");
  if (
    child.signalCode === "SIGKILL" ||
    /lock file ".*" (already exists|is empty)|pre-existing shared memory block/.test(said)
  )
    return null;
  throw new PlatformError("POSTGRES_FAILED", {
    problem: said.trim().split("\n").slice(-3).join(" "),
    log: place.logFile,
  });
}

async function chooseBinaries(folder: string, wanted: PostgresBinaries | undefined): Promise<PostgresBinaries> {
  const found = wanted === undefined ? await findBinaries() : [wanted];
  const major = await clusterMajor(folder);
  const fitting = found.find((binaries) => major === null || binaries.major === major);
  if (fitting !== undefined) return await installBinaries(fitting, folder);
  if (found.length === 0) throw new PlatformError("POSTGRES_MISSING", { wanted: "" });
  throw new PlatformError("POSTGRES_OTHER_VERSION", {
    dataDir: folder,
    major,
    found: found.map(({ version }) => version),
  });
}

interface SpawnServer {
  readonly binaries: PostgresBinaries;
  readonly settings: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFd: number;
}

async function spawnServer(
  place: Place,
  { binaries, settings, environment, logFd }: SpawnServer,
): Promise<ChildProcess> {
  const all = {
    listen_addresses: "",
    unix_socket_directories: place.runDir,
    unix_socket_permissions: "0700",
    port: String(PORT),
    // Its own collector would be a pipe; standard error is a file already.
    logging_collector: "off",
    log_checkpoints: "off",
    ...settings,
  };
  const pairs = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = commandAs(place.account, join(binaries.folder, "bin/postgres"), ["-D", place.cluster, ...pairs]);
  const child = spawn(command.file, command.args, {
    cwd: "/",
    env: { ...serverEnvironment(), ...environment },
    detached: true,
    stdio: ["ignore", logFd, logFd],
    ...("uid" in command && { uid: command.uid, gid: command.gid }),
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(new PlatformError("POSTGRES_FAILED", { problem: error.message, log: place.logFile })),
    );
  });
  return child;
}

/** Waits until this very server takes connections; null when it ended before. */
async function waitReady({ cluster, logFile }: Place, identity: ProcessIdentity): Promise<Postmaster | null> {
  const until = performance.now() + START_LIMIT_MS;
  while (isAlive(identity)) {
    const found = await findPostmaster(cluster);
    if (found?.identity.pid === identity.pid && found.ready) return found;
    if (performance.now() > until)
      throw new PlatformError("POSTGRES_FAILED", { problem: "not ready after 10 minutes", log: logFile });
    await sleep(10);
  }
  return null;
}

async function stillBusy({ cluster, logFile }: Place): Promise<PlatformError> {
  const pids = (await findServerProcesses(cluster)).map(({ pid }) => pid);
  const held = `processes of an earlier server still hold ${cluster}: ${pids.join(", ")}`;
  const problem = pids.length > 0 ? held : "it is killed again and again while it starts";
  return new PlatformError("POSTGRES_FAILED", { problem, log: logFile });
}

/** Null: it was killed before it could be asked. */
async function describe(
  { account }: Place,
  { identity, runDir }: Postmaster,
  adopted: boolean,
): Promise<PostgresServer | null> {
  const connection = { host: runDir, user: USER, database: USER };
  const version = await ensureDatabase(connection).catch(async (error: unknown) => {
    if (await waitGone(identity, DYING_MS)) return null;
    throw error;
  });
  if (version === null) return null;
  return {
    connection,
    url: connectionUrl(connection),
    identity,
    adopted,
    version,
    notice: account.kind === "system-user" ? account.notice : null,
    stop: () => stopServer(identity),
  };
}

/** Connection string that `pg` understands for a unix socket. */
export function connectionUrl({ host, user, database }: Connection): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${PORT}&sslmode=disable`;
}

async function ensureDatabase(connection: Connection): Promise<string> {
  const client = new Client({ ...connection, database: "postgres", port: PORT, ssl: false });
  // A server that is killed now ends the connection; the query under way tells it.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>("show server_version");
    const there = await client.query("select 1 from pg_database where datname = $1", [connection.database]);
    if (there.rowCount === 0) await client.query(`create database "${connection.database}"`).catch(ignoreDuplicate);
    return rows[0]?.server_version ?? "unknown";
  } finally {
    await client.end();
  }
}

/** Two starters at once: the other one has made it. */
function ignoreDuplicate(error: Error & { code?: string }): void {
  if (error.code !== "42P04" && error.code !== "23505") throw error;
}

/** `fast` shutdown: sessions are ended, all is written; then the harder ways. */
async function stopServer(identity: ProcessIdentity): Promise<void> {
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    killIdentity(identity, signal);
    if (await waitGone(identity, 20_000)) return;
  }
}
