import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findBinaries, type PostgresBinaries } from "@evenkeel/postgres/binaries";
import { connectionUrl, type PostgresServer, startPostgres } from "@evenkeel/postgres/launcher";
import { Client } from "pg";
import { makeServersFolder, removeServers, SERVERS_VARIABLE } from "./database-setup.ts";

/** `embedded`: the PostgreSQL that comes with Evenkeel; `debian`: the one of the distribution. */
export type ServerKind = "embedded" | "debian";

/** An empty database of its own on a real server. */
export interface TestDatabase {
  /** For `pg`: `postgres://user@/name?host=/run/folder`. */
  readonly url: string;
  readonly kind: ServerKind;
  readonly version: string;
  /** Drops the database, and ends whoever is still connected. */
  close(): Promise<void>;
}

/** The kinds of server that tests of stores run on here. As root on Debian a missing one is a failure, elsewhere it is said aloud. */
export async function serverKinds(): Promise<ServerKind[]> {
  const kinds: ServerKind[] = ["embedded", "debian"];
  const found = await Promise.all(kinds.map(async (kind) => ((await binariesOf(kind)) === null ? null : kind)));
  for (const missing of kinds.filter((kind) => !found.includes(kind))) {
    const why = `no PostgreSQL of kind ${missing} on this machine`;
    if (process.getuid?.() === 0 && existsSync("/etc/debian_version"))
      throw new Error(`${why}; as root on Debian it must be there`);
    console.log(`skipped: ${why}`);
  }
  return found.filter((kind) => kind !== null);
}

async function binariesOf(kind: ServerKind): Promise<PostgresBinaries | null> {
  const wanted = kind === "embedded" ? "embedded" : "system";
  return (await findBinaries()).find((binaries) => binaries.kind === wanted) ?? null;
}

/** Makes an empty database; the first call of a test run starts the server, which all files of the run share. */
export async function testDatabase(kind: ServerKind = "embedded"): Promise<TestDatabase> {
  const shared = process.env[SERVERS_VARIABLE];
  const folder = shared ?? makeServersFolder();
  const server = await serverIn(join(folder, kind), kind);
  const name = `test_${randomBytes(6).toString("hex")}`;
  await command(server, `create database "${name}"`);
  const close = async (): Promise<void> => {
    await command(server, `drop database if exists "${name}" with (force)`);
    if (shared === undefined) await removeServers(folder);
  };
  console.log(`database: ${kind}, PostgreSQL ${server.version}`);
  return { url: connectionUrl({ ...server.connection, database: name }), kind, version: server.version, close };
}

async function serverIn(folder: string, kind: ServerKind): Promise<PostgresServer> {
  const binaries = await binariesOf(kind);
  if (binaries === null) throw new Error(`no PostgreSQL of kind ${kind} on this machine`);
  return await startPostgres({
    dataDir: join(folder, "data"),
    runDir: join(folder, "run"),
    binaries,
    // Test data need not survive a power cut, and a kill of the server loses nothing without fsync either.
    settings: { fsync: "off", full_page_writes: "off", max_connections: "200" },
  });
}

/** Two that create at the same time meet in the template: the later one waits and tries again. */
async function command(server: PostgresServer, sql: string, attempts = 20): Promise<void> {
  const client = new Client(connectionUrl(server.connection));
  await client.connect();
  try {
    await client.query(sql);
  } catch (error) {
    const busy = (error as { code?: string }).code === "55006";
    if (!busy || attempts === 0) throw error;
    await client.query("select pg_sleep(0.05)");
    await command(server, sql, attempts - 1);
  } finally {
    await client.end();
  }
}
