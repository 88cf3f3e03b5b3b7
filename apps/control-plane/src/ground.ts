import { readFile } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import { type Clock, systemClock } from "@evenkeel/kit/clock";
import { openReplicaLease, type ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import { type Listener, openListener } from "@evenkeel/kit/notify";
import { inTransaction, openDatabase } from "@evenkeel/kit/sql";
import type { Kysely } from "kysely";
import { migrate } from "../migrations/index.ts";
import { registerBuiltIn } from "./buildpack/index.ts";
import type { Config } from "./config.ts";
import type { Database } from "./database.ts";
import { type ObjectStore, openObjectFolder } from "./object-store/index.ts";
import { ensurePrincipal, insertToken, secretDigest } from "./principal/index.ts";
import { ensureTenant } from "./tenant/index.ts";

/** What every slice stands on. */
export interface Ground {
  readonly config: Config;
  readonly log: Log;
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly listener: Listener;
  readonly lease: ReplicaLease;
  /** Packages, and the files of buildpacks. */
  readonly objects: ObjectStore;
  /** Where other replicas reach this one. */
  readonly url: string;
  readonly defaultTenant: TenantId;
  /** Seals what is secret in the database; null = this control plane was not told it. */
  readonly secretKey: string | null;
  close(): Promise<void>;
}

// A burst of requests shares these; four replicas stay below PostgreSQL's default of 100.
const CONNECTIONS = 20;
const TOKEN = { setting: "EVENKEEL_BOOTSTRAP_TOKEN_FILE", length: 16 };
const SECRET_KEY = { setting: "EVENKEEL_SECRET_KEY_FILE", length: 32 };

/** Opens the database, brings it to this version, makes the first tenant and principal, and takes a lease. */
export async function openGround(config: Config, log: Log, url: string): Promise<Ground> {
  const connectionString = config.databaseUrl;
  const onError = (error: unknown): void => log.warn({ err: error }, "the database is away");
  const db = openDatabase<Database>({ connectionString, max: CONNECTIONS, onIdleError: onError });
  try {
    return await openOn(db, { config, log, url, onError });
  } catch (error) {
    // An open pool would keep the process from ending.
    await db.destroy();
    throw error;
  }
}

interface Opening {
  readonly config: Config;
  readonly log: Log;
  readonly url: string;
  readonly onError: (error: unknown) => void;
}

async function openOn(db: Kysely<Database>, { config, log, url, onError }: Opening): Promise<Ground> {
  const connectionString = config.databaseUrl;
  const secretKey = config.secretKeyFile === null ? null : await readSecret(SECRET_KEY, config.secretKeyFile);
  const objects = await openObjectFolder(config.objectFolder);
  await migrate(db);
  const defaultTenant = await firstBoot(db, config);
  await registerBuiltIn({ db, objects, folder: config.buildpackFolder, tenantId: defaultTenant });
  const clock = systemClock(db);
  const listener = await openListener({ connectionString, onError });
  const lease = await openReplicaLease({ db, clock, url, version: config.version, onError });
  const close = async (): Promise<void> => {
    // The lease goes first: from then on the others take this one's work.
    await lease.close().catch(onError);
    await listener.close();
    await db.destroy();
  };
  return { config, log, db, clock, listener, lease, objects, url, defaultTenant, secretKey, close };
}

async function firstBoot(db: Kysely<Database>, config: Config): Promise<TenantId> {
  const secret = config.bootstrapTokenFile === null ? null : await readSecret(TOKEN, config.bootstrapTokenFile);
  return await inTransaction(db, async (tx) => {
    const tenantId = await ensureTenant(tx, "default");
    const principalId = await ensurePrincipal(tx, { tenantId, name: "admin", kind: "person" });
    if (secret !== null) {
      const digest = secretDigest(secret);
      await insertToken(tx, { tenantId, principalId, digest, may: ["*:*"], validSeconds: null, notAfter: null });
    }
    return tenantId;
  });
}

async function readSecret({ setting, length }: typeof TOKEN, file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new PlatformError("SETTING_INVALID", { setting, problem: error.message }, { cause: error });
  });
  const secret = text.trim();
  if (secret.length >= length && !/\s/.test(secret)) return secret;
  const problem = `${file} must have at least ${length} characters without spaces`;
  throw new PlatformError("SETTING_INVALID", { setting, problem });
}
