import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "./launcher.ts";
import { checkNamedDatabase } from "./named-database.ts";

const SECRET = "s3cret-word";
let home: string;
let server: PostgresServer;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "named "));
  server = await startPostgres({ dataDir: join(home, "data"), runDir: join(home, "run") });
});
afterAll(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port: free } = probe.address() as { port: number };
  probe.close();
  return free;
}

async function sql(...statements: readonly string[]): Promise<void> {
  const client = new Client(address("evenkeel"));
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

const address = (name: string, user = "evenkeel"): string =>
  `postgres://${user}:${SECRET}@/${name}?host=${encodeURIComponent(server.connection.host)}`;

async function refusal(url: string, oldest?: number): Promise<unknown> {
  const error: unknown = await checkNamedDatabase(url, oldest).then(
    () => new Error("it was accepted"),
    (thrown: unknown) => thrown,
  );
  const { message, facts, cause } = error as Error & { facts?: unknown };
  expect(JSON.stringify({ message, facts, cause: String(cause) })).not.toContain(SECRET);
  return error;
}

test("a database that will do is told by its place and version, and nothing is left in it", async () => {
  const found = await checkNamedDatabase(address("evenkeel"));
  expect(found).toEqual({ place: `${server.connection.host}, evenkeel`, version: server.version });
  await checkNamedDatabase(address("evenkeel"));
});

test.each([`mysql://root:${SECRET}@127.0.0.1/shop`, `postgres://user:${SECRET}/x@127.0.0.1/shop`, SECRET])(
  "an address that cannot be read is refused by the name of its setting: %#",
  async (url) => {
    expect(await refusal(url)).toMatchObject({ code: "SETTING_INVALID", facts: { setting: "DATABASE_URL" } });
  },
);

test("a server that is away is told by its place", async () => {
  const at = await freePort();
  const facts = { place: `127.0.0.1:${at}/shop`, problem: expect.stringContaining("ECONNREFUSED") };
  expect(await refusal(`postgres://u:${SECRET}@127.0.0.1:${at}/shop`)).toMatchObject({ code: "DATABASE_AWAY", facts });
});

test("a database that does not exist, and a user who may not log in, are refused in the server's words", async () => {
  expect(await refusal(address("nowhere"))).toMatchObject({
    code: "DATABASE_REFUSED",
    facts: { problem: 'database "nowhere" does not exist' },
  });
  expect(await refusal(address("evenkeel", "nobody"))).toMatchObject({ code: "DATABASE_REFUSED" });
});

test("a database in which no table may be made, and one that only reads, are refused", async () => {
  await sql("create role guest login", "create role reader login superuser");
  await sql("alter role reader set default_transaction_read_only = on");
  expect(await refusal(address("evenkeel", "guest"))).toMatchObject({
    code: "DATABASE_REFUSED",
    facts: { problem: "permission denied for schema public" },
  });
  expect(await refusal(address("evenkeel", "reader"))).toMatchObject({
    code: "DATABASE_REFUSED",
    facts: { problem: expect.stringContaining("read-only") },
  });
});

test("a server older than what is needed is refused with both versions", async () => {
  expect(await refusal(address("evenkeel"), 99)).toMatchObject({
    code: "DATABASE_TOO_OLD",
    facts: { version: server.version, oldest: 99 },
  });
});
