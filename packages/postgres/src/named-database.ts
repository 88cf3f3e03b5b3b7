import { PlatformError } from "@evenkeel/contracts/error";
import pg from "pg";

// Nothing of the address but host, port and name of the database ever leaves this file: the rest may be a secret.

// What the store's queries need.
const OLDEST_MAJOR = 15;
const CONNECT_MS = 5000;
const QUERY_MS = 10_000;
const SETTING = "DATABASE_URL";

/** A database that somebody else runs and that can be worked on. */
export interface NamedDatabase {
  /** `host:port/name`, without user and password. */
  readonly place: string;
  readonly version: string;
}

/** Looks whether the database of this address is there, new enough, and ours to make tables in; throws what is in the way. */
export async function checkNamedDatabase(url: string, oldestMajor = OLDEST_MAJOR): Promise<NamedDatabase> {
  const { client, place } = clientOf(url);
  // Between two queries nobody waits for this error; the next query meets the broken connection and throws.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; number: number }>(
      "select current_setting('server_version') as version, current_setting('server_version_num')::int as number",
    );
    const { version = "unknown", number = 0 } = rows[0] ?? {};
    if (number < oldestMajor * 10_000)
      throw new PlatformError("DATABASE_TOO_OLD", { place, version, oldest: oldestMajor });
    // Rights come from many sides (owner, schema, a standby that only reads): trying says it all.
    await client.query("begin; create table evenkeel_may_create (n int); rollback");
    return { place, version };
  } catch (error) {
    throw error instanceof PlatformError ? error : failure(error, place);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function clientOf(url: string): { client: pg.Client; place: string } {
  if (!/^postgres(ql)?:\/\//.test(url)) throw invalid("it must begin with postgres://");
  try {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
    });
    const { host, port, database } = client;
    return { client, place: host.startsWith("/") ? `${host}, ${database ?? ""}` : `${host}:${port}/${database ?? ""}` };
  } catch {
    // What the parser says repeats the address.
    throw invalid("it cannot be read; characters such as @ : / # in a password are written as %40 %3A %2F %23");
  }
}

function invalid(problem: string): PlatformError {
  return new PlatformError("SETTING_INVALID", { setting: SETTING, problem });
}

function failure(error: unknown, place: string): PlatformError {
  const problem = problemOf(error);
  if (error instanceof pg.DatabaseError) return new PlatformError("DATABASE_REFUSED", { place, problem });
  return new PlatformError("DATABASE_AWAY", { place, problem });
}

/** Several addresses of one name fail together, with a message of none. */
function problemOf(error: unknown): string {
  const { message, errors } = error as Error & { errors?: readonly Error[] };
  return message || (errors ?? []).map((each) => each.message).join("; ") || "no answer";
}
