import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logTo } from "@evenkeel/kit/log";
import { openDatabase } from "@evenkeel/kit/sql";
import { type ServerKind, testDatabase } from "@evenkeel/testkit/database";
import type { Kysely } from "kysely";
import { migrate } from "../migrations/index.ts";
import type { Config } from "./config.ts";
import type { Database } from "./database.ts";
import { type ControlPlane, startControlPlane } from "./wire.ts";

export { serverKinds } from "@evenkeel/testkit/database";

/** A database of its own with every table, for one test file. */
export interface MigratedDatabase {
  readonly db: Kysely<Database>;
  /** For a listener, or for another process. */
  readonly url: string;
  close(): Promise<void>;
}

/** Makes a migrated database; `describe.each(await serverKinds())` runs a store's tests on every server there is. */
export async function migratedDatabase(kind: ServerKind = "embedded"): Promise<MigratedDatabase> {
  const { url, close } = await testDatabase(kind);
  const db = openDatabase<Database>({ connectionString: url, max: 10 });
  await migrate(db);
  return {
    db,
    url,
    close: async () => {
      await db.destroy();
      await close();
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into replies of every kind.
  readonly body: Record<string, never> & { readonly [field: string]: unknown };
}

export interface CallOptions {
  readonly body?: unknown;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which of the replicas. */
  readonly replica?: number;
}

/** Control planes on one real database, asked over real HTTP. */
export interface Installation {
  readonly replicas: readonly ControlPlane[];
  readonly adminToken: string;
  readonly folder: string;
  readonly databaseUrl: string;
  /** One more control plane on the same database. */
  addReplica(): Promise<ControlPlane>;
  /** `call("POST", "/workspaces", { body })`, as `admin` unless told otherwise. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts an installation of one replica whose replies are checked by their schemas. */
export async function startInstallation(
  kind: ServerKind = "embedded",
  settings: Partial<Config> = {},
): Promise<Installation> {
  const database = await testDatabase(kind);
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-control-plane-"));
  const adminToken = "an-access-token-of-the-first-boot";
  const bootstrapTokenFile = join(folder, "token");
  await writeFile(bootstrapTokenFile, `${adminToken}\n`);
  const secretKeyFile = join(folder, "secret-key");
  await writeFile(secretKeyFile, `${"a-key-of-the-installation".repeat(2)}\n`);
  const config: Config = {
    version: "0.0.0-test",
    host: "127.0.0.1",
    port: 0,
    url: null,
    databaseUrl: database.url,
    objectFolder: join(folder, "objects"),
    bootstrapTokenFile,
    secretKeyFile,
    buildpackFolder: join(import.meta.dirname, "../../../buildpacks"),
    consoleFolder: join(folder, "no-console"),
    auditDays: 400,
    checkHosts: null,
    ...settings,
  };
  const log = logTo({ write: (line) => keepErrors(line) }, { part: "test", level: "error" });
  const replicas: ControlPlane[] = [];
  const addReplica = async (): Promise<ControlPlane> => {
    const replica = await startControlPlane(config, log, { checkReplies: true, callerLookMs: 100 });
    replicas.push(replica);
    return replica;
  };
  await addReplica();
  return {
    replicas,
    adminToken,
    folder,
    databaseUrl: database.url,
    addReplica,
    call: async (method, path, options = {}) => {
      const url = replicas[options.replica ?? 0]!.url;
      return await ask(`${url}/api/v1${path}`, method, { token: adminToken, ...options });
    },
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.close(AbortSignal.timeout(2000))));
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ask(url: string, method: string, { body, token, headers }: CallOptions): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isArchive = response.headers.get("content-type") === "application/x-tar";
  return { status: response.status, headers: response.headers, body: text === "" || isArchive ? {} : JSON.parse(text) };
}

function keepErrors(line: string): void {
  process.stderr.write(line);
}
